"""What may leave this machine: texts without secrets, addresses and ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from livesteps.plugin import Vocabulary
from livesteps.read.normalise import COMMON, without_secrets

HIDDEN = "***"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What no terminal and no XML may show. A line ends in \n alone.
_CONTROL = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Redaction:
    """Takes out of a text what nobody else may see."""

    secrets: Iterable[str] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    """Values such as addresses and ids, and what stands in their place."""
    words: Vocabulary = COMMON

    def __call__(self, text: str) -> str:
        """The text, and without characters that no page can show."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = without_secrets(text, _forms(secret))
        for pattern in self.words.secrets:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        for value in sorted(self.known, key=len, reverse=True):
            text = text.replace(value, f"<{self.known[value]}>")
        text = _COLOUR.sub("", text.replace("\r\n", "\n"))
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _forms(secret: str) -> dict[str, None]:
    """A secret as it is, in a URL, and in JSON."""
    quoted = (quote(secret, safe=""), quote(secret), quote_plus(secret))
    escaped = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return dict.fromkeys((secret, *quoted, *escaped))
