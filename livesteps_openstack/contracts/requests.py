"""`token` and `reads`: what the step asked of the cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from livesteps.plugin import Kind, Seen

if TYPE_CHECKING:
    from livesteps_openstack.accounts import ObjectStore


class Token(Kind):
    """Identity issued a token."""

    key = "token"
    type = bool

    def check(self, value: bool, seen: Seen) -> list[str]:
        """There is a request for one that was answered well."""
        if not value or seen.exchanges is None:
            return []
        for each in seen.exchanges:
            asked = each.method == "POST" and each.resource.endswith("/auth/tokens")
            if each.service == "identity" and asked and each.status < 300:
                return []
        return ["expected a request for a token, found none"]


class Reads(Kind):
    """The server answered a GET or HEAD of each of these: ``""`` is the account,
    ``"c"`` a container, ``"c/o"`` an object. Where there are ``downloads``, only a
    GET counts."""

    key = "reads"
    type = list[str]

    def check(self, value: list[str], seen: Seen) -> list[str]:
        """What is downloaded is what a GET gave; a HEAD alone gives no bytes."""
        if seen.exchanges is None:
            return []
        downloads = "downloads" in seen.step.contract
        methods = ("GET",) if downloads else ("GET", "HEAD")
        url = cast("ObjectStore", seen.account).contents.url
        read = {
            path_below(url, each.resource)
            for each in seen.exchanges
            if each.service == "object-store"
            and each.method in methods
            and each.status < 300
        }
        return [
            f"expected a {' or '.join(methods)} of "
            + (f"'{path}'" if path else "the account")
            + ", found none"
            for path in value
            if path not in read
        ]


def path_below(account_url: str, path: str) -> str:
    """What of the account a request's path names: "", container, or object.

    `path` is as it came over the wire, of Swift's API or of its S3 API.
    """
    account = urlsplit(account_url).path
    return unquote(path.removeprefix(account)).strip("/")
