"""A cloud that is not ours, by its name in clouds.yaml."""

from __future__ import annotations

from pathlib import Path

from requests import RequestException

from livesteps.entry import Entry
from livesteps.errors import Problem
from livesteps.place import Request
from livesteps.snapshot import DistantAccount, Snapshot


class Named:
    """A cloud of clouds.yaml; what it held before is not touched."""

    patience = 30.0

    def __init__(
        self, entry: Entry, containers: set[str], *, ca: Path | None = None
    ) -> None:
        """`containers` are those that a sample makes; none may be there. `ca` is
        the entry's, with a trust store beside."""
        self.account = DistantAccount(entry.url, entry.token, verify=entry.verify)
        try:
            held = self.account.containers()
        except RequestException as error:
            raise Problem(
                f"cloud '{entry.name}': {error}", "see that its object store answers"
            ) from None
        for container in containers.intersection(held):
            raise Problem(
                f"cloud '{entry.name}' already has a container '{container}'",
                "nothing was touched; run in a project that has none",
            )
        self._before = frozenset(held)
        self.versions: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.ca = ca
        self.secrets = entry.secrets
        self.environment = entry.environment

    def plain(self, output: str) -> str:
        """As it is: it is compared with nothing."""
        return output

    def requests(self) -> None:
        """Nobody sees the requests there."""

    def held(self, requests: list[Request] | None) -> Snapshot:
        """What the account holds, but for what was there before."""
        return self.account.snapshot(ignoring=self._before)
