"""What may differ between two outputs of the same sample, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from livesteps.plugin import Rule, Vocabulary

_DAY = r"\d{4}(?:-\d\d-\d\d|/\d\d/\d\d)"
_WORD = r"[A-Z][a-z]{2}"
_TIME = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"

COMMON = Vocabulary(
    rules=tuple(
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
            # 0x7f3a5c0d1e80, in a repr
            "memory address": r"\b0x[0-9a-f]{6,16}\b",
            # 0.123 s; a whole number of seconds stays
            "duration": r"\b\d+\.\d+ ?(?:ms|s|sec|seconds)\b",
        }.items()
    ),
    secrets=tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            # headers, variables, and keys of JSON, YAML and the like
            r"(\b(?:proxy-authorization|authorization|(?:set-)?cookie)"
            r"[\"']?\s*[:=]\s*[\"']?)[^\s\"',}][^\"'\n]*",
            r"(\b(?:\w*password|\w*secret(?:_?access)?(?:_?key)?|\w*token)"
            r"[\"']?\s*[:=]\s*[\"']?)(?!os\.|\w*env|\$)[^\s\"',;&}<>()\[\]]+",
            # of a URL: https://user:password@host
            r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)",
        )
    ),
    telling=("content-type", "etag", "range"),
)
"""What is so whatever the server."""


def normalise(text: str, known: Mapping[str, str], words: Vocabulary) -> str:
    """`text` with what varies replaced by its name in angle brackets.

    `known` maps the values of this run (its account's id, its endpoints) to
    their names.
    """
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, f"<{known[value]}>")
    for rule in words.rules:
        text = rule.pattern.sub(f"<{rule.name}>", text)
    return text


def secret_in(text: str, secrets: Mapping[str, str], words: Vocabulary) -> str | None:
    """The name of a secret that the text shows, or None."""
    for value, name in secrets.items():
        if _shown(value).search(text):
            return name
    for name, pattern in words.tokens.items():
        if pattern.search(text):
            return name
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
