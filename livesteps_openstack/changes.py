"""Troubles of an object store: what somebody else may have done to an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from livesteps.plugin import Account, Change

if TYPE_CHECKING:
    import requests

    from livesteps_openstack.accounts import Embedded

CONTAINER = "fractals"
OBJECT = "an amazing goat"
TIMEOUT = 30
"""Seconds that one answer of the server may take."""


class WithoutVersion(Change):
    """OS_AUTH_URL does not end with the version."""

    name = "without v3"

    def make(self, account: Account) -> None:
        """Before step 1."""
        _end_auth_url(account, "")


class VersionTwice(Change):
    """OS_AUTH_URL ends with the version twice."""

    name = "v3 twice"

    def make(self, account: Account) -> None:
        """Before step 1."""
        _end_auth_url(account, "/v3/v3")


class Stored(Change):
    """Something that is done to what the account holds."""

    def make(self, account: Account) -> None:
        """Do it with a token of the account's own user."""
        from livesteps_openstack.session import Session

        token, url = cast("Embedded", account).token()
        with Session() as session:
            session.headers["X-Auth-Token"] = token

            def ask(method: str, path: str, **more: Any) -> requests.Response:
                answer = session.request(
                    method, f"{url}/{path}", timeout=TIMEOUT, **more
                )
                answer.raise_for_status()
                return answer

            self.do(ask)

    def do(self, ask: Ask) -> None:
        """`ask` sends a request to a path below the account."""
        raise NotImplementedError


class Quota(Stored):
    """The container is full."""

    name = "quota"

    def do(self, ask: Ask) -> None:
        """Do it."""
        ask("PUT", f"{CONTAINER}/of somebody else", data=bytes(1001))
        ask("POST", CONTAINER, headers={"X-Container-Meta-Quota-Bytes": "1000"})


class Manifest(Stored):
    """The object is the same bytes as before, but in two segments."""

    name = "manifest"

    def do(self, ask: Ask) -> None:
        """Do it."""
        content = ask("GET", f"{CONTAINER}/{OBJECT}").content
        ask("PUT", "segments")
        parts = [content[:100_000], content[100_000:]]
        listed = []
        for number, part in enumerate(parts):
            answer = ask("PUT", f"segments/{number}", data=part)
            listed.append(
                {
                    "path": f"segments/{number}",
                    "etag": answer.headers["ETag"].strip('"'),
                }
            )
        ask("PUT", f"{CONTAINER}/{OBJECT}?multipart-manifest=put", json=listed)


class NoContainer(Stored):
    """The container is gone, and all that was in it."""

    name = "no container"

    def do(self, ask: Ask) -> None:
        """Do it."""
        for name in ask("GET", CONTAINER).text.splitlines():
            ask("DELETE", f"{CONTAINER}/{name}")
        ask("DELETE", CONTAINER)


class Versions(Stored):
    """The container keeps what is deleted from it."""

    name = "versions"

    def do(self, ask: Ask) -> None:
        """Do it."""
        ask("POST", CONTAINER, headers={"X-Versions-Enabled": "true"})


Ask = Callable[..., "requests.Response"]


def _end_auth_url(account: Account, end: str) -> None:
    address = account.environment["OS_AUTH_URL"].removesuffix("/v3")
    account.environment["OS_AUTH_URL"] = address + end
