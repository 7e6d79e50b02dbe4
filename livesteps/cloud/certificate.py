"""The certificate of a cloud that is reached over HTTPS, and of its private CA."""

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
    # Only who wants TLS needs these.
    import trustme
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import (
        PKCS12Certificate,
        serialize_java_truststore,
    )

    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / CA)
    server = ca.issue_cert("127.0.0.1", "localhost", "::1")
    with open(os.open(folder / SERVER, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(server.private_key_and_cert_chain_pem.bytes())
    certificate = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    (folder / CA).with_suffix(".p12").write_bytes(
        serialize_java_truststore(
            [PKCS12Certificate(certificate, b"livesteps")],
            BestAvailableEncryption(STORE_PASSWORD),
        )
    )
