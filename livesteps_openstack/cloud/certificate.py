"""Certificates: of a cloud that is reached over HTTPS, and of a private CA."""

from __future__ import annotations

import os
from pathlib import Path

CA = "ca.pem"
"""The CA's certificate; beside it, `ca.p12` is a trust store as Java has them."""
SERVER = "server.pem"
"""The server's key and certificate, for loopback."""
STORE_PASSWORD = b"changeit"


def make(folder: Path) -> None:
    """Make a CA, and a certificate of it, in a folder; the CA's key is not kept."""
    import trustme  # only who wants TLS needs it

    ca = trustme.CA()
    write_ca(folder, ca.cert_pem.bytes())
    server = ca.issue_cert("127.0.0.1", "localhost", "::1")
    with open(os.open(folder / SERVER, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(server.private_key_and_cert_chain_pem.bytes())


def write_ca(folder: Path, pem: bytes) -> Path:
    """Write certificates to trust into a folder, as PEM and as a trust store; the
    file in PEM. Raises `ValueError` where they are none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import (
        PKCS12Certificate,
        serialize_java_truststore,
    )

    store = serialize_java_truststore(
        [
            PKCS12Certificate(each, f"livesteps-{number}".encode())
            for number, each in enumerate(x509.load_pem_x509_certificates(pem))
        ],
        BestAvailableEncryption(STORE_PASSWORD),
    )
    path = folder / CA
    path.write_bytes(pem)
    path.with_suffix(".p12").write_bytes(store)
    return path
