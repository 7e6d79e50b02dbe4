"""What may differ between two outputs of the same sample, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One kind of thing that differs from run to run, and how to see it."""

    name: str
    pattern: re.Pattern[str]


_DAY = r"\d{4}(?:-\d\d-\d\d|/\d\d/\d\d)"
_WORD = r"[A-Z][a-z]{2}"
_TIME = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"

RULES = tuple(
    Rule(name, re.compile(pattern))
    for name, pattern in {
        # 2026-11-25T07:46:48.123Z, 2026/11/25 07:46:48
        # a date alone stays: it may be metadata
        "date and time": rf"{_DAY}[T ]{_TIME}(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?",
        # Wed, 25 Nov 2026 07:46:48 GMT (RFC 9110, section 5.6.7)
        "HTTP date": rf"{_WORD}, \d\d {_WORD} \d{{4}} {_TIME} GMT",
        # Wed Nov 25 07:46:48 UTC 2026, as C's ctime and Java's Date print it
        "calendar date": (
            rf"{_WORD} {_WORD} [ \d]\d {_TIME} (?:[A-Z]{{3,4}} )?\d{{4}}"
        ),
        # tx0123456789abcdef01234-0123456789, Swift's X-Trans-Id
        "transaction id": r"\btx[0-9a-f]{21}-[0-9a-f]{10}(?:[\w.-]*\w)?",
        # req-12345678-1234-1234-1234-123456789abc, of OpenStack's other services
        "request id": r"\breq-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        # 1764056808.12345, Swift's X-Timestamp; a client's mtime has six decimals
        "timestamp": r"\b\d{10}\.\d{5,6}\b",
        # 0x7f3a5c0d1e80, in a repr
        "memory address": r"\b0x[0-9a-f]{6,16}\b",
        # 0.123 s; a whole number of seconds stays
        "duration": r"\b\d+\.\d+ ?(?:ms|s|sec|seconds)\b",
        # the query of a temporary URL and of a presigned one
        "signature": r"(?<=temp_url_sig=)[0-9a-f]{40,128}\b"
        r"|(?<=X-Amz-Signature=)[0-9a-f]{64}\b"
        r"|(?<=[?&]Signature=)[\w%]+",
        "expiry": r"(?<=temp_url_expires=)\d{10}\b"
        r"|(?<=[?&]Expires=)\d{10}\b"
        r"|(?<=X-Amz-Date=)\d{8}T\d{6}Z",
        "access key": r"(?<=X-Amz-Credential=)\w+%2F\d{8}"
        r"|(?<=AWSAccessKeyId=)\w+"
        r"|(?<=/OS-EC2/)[0-9a-f]{32}\b",
        # of a multipart upload of S3
        "upload id": r"(?<=[?&]uploadId=)[\w%~-]+",
    }.items()
)


def normalise(text: str, known: Mapping[str, str]) -> str:
    """`text` with what varies replaced by its name in angle brackets.

    `known` maps the values of this run (its project's id, its endpoints) to
    their names.
    """
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, f"<{known[value]}>")
    for rule in RULES:
        text = rule.pattern.sub(f"<{rule.name}>", text)
    return text


def secret_in(text: str, secrets: Mapping[str, str]) -> str | None:
    """The name of a secret that the text shows, or None."""
    for value, name in secrets.items():
        if _shown(value).search(text):
            return name
    if re.search(r"\bgAAAA[\w-]{60,}", text):  # a Fernet token of Keystone
        return "a token"
    return None


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it made unreadable."""
    for value in secrets:
        text = _shown(value).sub(r"\g<before>***", text)
    return text


_ANNOUNCED = (
    r"(?:pass(?:word|wd)?|secret|credentials?|api_?key)[\"']?\s*(?:[:=]>?|is)?\s*"
)
"""What stands before a secret that is shown for one, in text, JSON or shell."""
_IN_URL = r"://[^\s/:@]*:"


def _shown(value: str) -> re.Pattern[str]:
    """How a secret looks in a text.

    A word, such as `goat`, may be in it for another reason. It is a secret where
    one is announced.
    """
    before, after = "", ""
    if len(value) < 8 or (len(value) < 16 and value.isalpha()):
        before, after = rf"(?i:{_ANNOUNCED})[\"']?|{_IN_URL}", r"(?!\w)"
    return re.compile(f"(?P<before>{before}){re.escape(value)}{after}")
