"""What may differ between two outputs, what must not, and what is a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from livesteps.read.normalise import normalise, secret_in, without_secrets
from livesteps.read.plugins import load_plugins

WORDS = load_plugins(["openstack"], Path()).vocabulary
"""What is so in texts of this guide."""
MD5 = "dda6e512682fa24b719054477e08810b"
SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
TOKEN = "gAAAAABn" + "aB3-_xYz" * 10

EXAMPLES = {
    "transaction id": [
        "tx0123456789abcdef01234-0067441a2b",
        "tx0123456789abcdef01234-0067441a2b-default",
    ],
    "request id": ["req-0123abcd-0123-4567-89ab-0123456789ab"],
    "timestamp": ["1764056808.12345", "1764056808.123456"],
    "signature": [
        f"temp_url_sig={SHA256}",
        f"temp_url_sig={SHA1}",
        f"X-Amz-Signature={SHA256}",
        "?Signature=abcDEF123%2B%3D",
    ],
    "expiry": [
        "temp_url_expires=1795601959",
        "&Expires=1795601959",
        "X-Amz-Date=20261125T074648Z",
    ],
    "access key": [
        "X-Amz-Credential=0123456789abcdef%2F20261125",
        "AWSAccessKeyId=0123456789abcdef",
    ],
    "upload id": ["?uploadId=ZmE3-x_~Q"],
    "date and time": [
        *("2026-11-25T07:46:48Z", "2026-11-25 07:46:48", "2026-11-25T07:46:48.123456"),
        *("2026-11-25T07:46:48.123Z", "2026-11-25T07:46:48+01:00"),
        *("2026-11-25 07:46:48,5 +0000", "2026-11-25 07:46:48 UTC"),
        "2026/11/25 07:46:48",
    ],
    "HTTP date": ["Wed, 25 Nov 2026 07:46:48 GMT"],
    "calendar date": [
        *("Wed Nov 25 07:46:48 UTC 2026", "Wed Nov 25 07:46:48 2026"),
        *("Sun Nov  1 07:46:48 2026", "Sun Nov 01 07:46:48 CEST 2026"),
    ],
    "memory address": ["0x7f3a5c0d1e80", "0xdeadbeef"],
    "duration": ["0.123 s", "12.5s", "3.25 ms", "0.1 seconds", "1.5 sec"],
}


def test_every_rule_has_examples() -> None:
    assert [rule.name for rule in WORDS.rules] == list(EXAMPLES)


@pytest.mark.parametrize(
    ("name", "example"),
    [(name, example) for name, examples in EXAMPLES.items() for example in examples],
)
def test_a_rule_replaces_what_varies(name: str, example: str) -> None:
    found = normalise(f"before {example} after", {}, WORDS)
    label = example.rpartition("=")[0]
    if label and not example.endswith("%3D"):
        assert found == f"before {label}=<{name}> after"
    elif label:
        assert found == f"before ?Signature=<{name}> after"
    else:
        assert found == f"before <{name}> after"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("goat: 111783 bytes", "goat: 111782 bytes"),
        ("big: 6291456 bytes", "big: 629145 bytes"),
        ("Connected: 0 containers", "Connected: 1 containers"),
        ("an amazing goat", "an amusing goat"),
        (MD5, MD5[:-1] + "c"),
        (SHA256, SHA256[:-1] + "e"),
        ("created: 2015-06-02", "created: 2015-06-03"),
        ("waited 5 s", "waited 6 s"),
        ("waited 5 seconds", "waited 6 seconds"),
        ("big/00000000", "big/00000001"),
        (
            "0d3bd9b2-4b6a-4b3e-9d0a-5a1f0f3c7a11",
            "0d3bd9b2-4b6a-4b3e-9d0a-5a1f0f3c7a12",
        ),
        ("1764056808", "1764056809"),
        ("libcloud 3.9.1", "libcloud 3.9.2"),
        ("temp_url_sig=none", "temp_url_sig=nil"),
        ("Deleted goat\n", "Deleted goat\nDeleted goat\n"),
        ("images/goat.jpg 0.5", "images/goat.jpg 0.6"),
        ("0x1f", "0x2f"),
    ],
)
def test_what_a_reader_would_miss_is_not_swallowed(one: str, other: str) -> None:
    assert normalise(one, {}, WORDS) != normalise(other, {}, WORDS)


def test_known_values_are_named_the_longest_first() -> None:
    known = {"127.0.0.1:80": "identity address", "127.0.0.1:8080": "store address"}
    found = normalise(
        "http://127.0.0.1:8080/v1 and http://127.0.0.1:80/v3", known, WORDS
    )
    assert found == "http://<store address>/v1 and http://<identity address>/v3"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I am s3cret-pass!", "the password"),
        (f"X-Auth-Token: {TOKEN}", "a token"),
        (f"Connected with {TOKEN[:40]}", None),
        (f"{MD5} {SHA256}", None),
        ("", None),
    ],
)
def test_secrets_are_seen(text: str, found: str | None) -> None:
    assert secret_in(text, {"s3cret-pass": "the password"}, WORDS) == found


@pytest.mark.parametrize("password", ["goat", "fractals", "123456", "devstack"])
def test_a_password_that_is_a_word_is_seen_where_one_is_announced(
    password: str,
) -> None:
    ordinary = f"""
{password}: 111783 bytes, {MD5}
Uploaded {password}
fractals/{password} is there, 12345678 bytes
[{{"name": "{password}", "hash": "{MD5}", "bytes": 111783}}]
http://127.0.0.1:8080/v1/AUTH_{MD5}/{password}?temp_url_sig={SHA1}
"""
    secrets = {password: "the password"}
    assert secret_in(ordinary, secrets, WORDS) is None
    assert without_secrets(ordinary, secrets) == ordinary
    for line in (
        f"OS_PASSWORD={password}",
        f"password: {password}",
        f'{{"password": "{password}"}}',
        f"{{'password': '{password}', 'username': 'demo'}}",
        f'{{:password=>"{password}"}}',
        f"the password is {password}.",
        f"http://demo:{password}@cloud.example/v3",
    ):
        assert secret_in(ordinary + line, secrets, WORDS) == "the password", line
        hidden = line.replace(password, "***")
        assert (
            without_secrets(line + "\n" + ordinary, secrets) == hidden + "\n" + ordinary
        )


def test_other_passwords_are_seen_and_hidden_anywhere() -> None:
    password = "9tail.cat"
    secrets = {password: "the password"}
    assert secret_in(f"-{password}-", secrets, WORDS) == "the password"
    assert without_secrets(f"-{password}-", secrets) == "-***-"
