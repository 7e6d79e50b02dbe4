"""What may leave this machine: texts without secrets, addresses and ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from livesteps.normalise import without_secrets

HIDDEN = "***"

# Each with what is kept before the secret.
_SECRETS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # the query of a temporary URL and of a presigned one
        r"(\b(?:temp_url_(?:sig|key)|(?:x-amz-)?(?:signature|credential|security-token)"
        r"|awsaccesskeyid)=)[^\s&\"'<>,;]+",
        # headers, variables, and keys of JSON, YAML and the like
        r"(\b(?:x-(?:auth|subject|service|storage)-token|proxy-authorization"
        r"|authorization|(?:set-)?cookie|x-(?:account|container)-meta-temp-url-key"
        r"(?:-2)?|temp-url-key(?:-2)?)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}][^\"'\n]*",
        r"(\b(?:\w*password|\w*secret(?:_?access)?(?:_?key)?|\w*token)"
        r"[\"']?\s*[:=]\s*[\"']?)(?!os\.|\w*env|\$)[^\s\"',;&}<>()\[\]]+",
        # of a URL: https://user:password@host
        r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)",
        # EC2 credentials, by their access key
        r"(/OS-EC2/)[0-9a-f]{32}\b",
        # a Fernet token of Keystone
        r"(\b)gAAAA[\w-]{60,}={0,2}",
    )
]
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What no terminal and no XML may show. A line ends in \n alone.
_CONTROL = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Redaction:
    """Takes out of a text what nobody else may see."""

    secrets: Iterable[str] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    """Values such as addresses and ids, and what stands in their place."""

    def __call__(self, text: str) -> str:
        """The text, and without characters that no page can show."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = without_secrets(text, _forms(secret))
        for pattern in _SECRETS:
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
