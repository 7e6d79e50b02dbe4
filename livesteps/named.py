"""A cloud that is not ours, by its name in clouds.yaml."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from requests import RequestException

from livesteps.clean import (
    Knows,
    Report,
    again,
    answered,
    clean_up,
    mark_of,
    stored_by,
)
from livesteps.entry import Entry, read_entry
from livesteps.errors import Problem
from livesteps.fractals import Fractals
from livesteps.holdings import Holdings, named
from livesteps.keys import Keys
from livesteps.kit import Kit
from livesteps.made import Made
from livesteps.place import Request
from livesteps.session import unreachable
from livesteps.snapshot import DistantAccount, Snapshot
from livesteps.step import Step, Steps


@dataclass(frozen=True)
class Aftermath:
    """What an account is like after a run."""

    lines: tuple[str, ...] = ()
    """What was removed, what is left, and what differs."""
    wrong: bool = False
    """Something is left that should not be, or differs."""


class Named:
    """A cloud of clouds.yaml; what it held before is not touched.

    What a run makes there is among the `containers` that its program makes,
    none of which may be there when it starts, and EC2 credentials.
    """

    patience = 30.0

    def __init__(
        self,
        entry: Entry,
        containers: Collection[str],
        *,
        ca: Path | None = None,
        makes_keys: Mapping[int, int] | None = None,
        knows: Knows,
    ) -> None:
        """`ca` is the entry's, with a trust store beside. `makes_keys` is how many
        EC2 credentials which step makes.

        `Problem` says which of the containers is there.
        """
        self.name = entry.name
        self.account = account_of(entry)
        self.versions: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.ca = ca
        self.secrets = entry.secrets
        self.environment = entry.environment
        self.abandoned = threading.Event()
        """When another thread sets it, nothing more is asked of the cloud."""
        self._guarded = frozenset(containers)
        self._knows = knows
        self._keys = Keys(self.account, entry.environment["OS_AUTH_URL"])
        self._made = Made(
            *(self.account, self._keys, self.name, containers), makes_keys or {}
        )
        self._holdings: Holdings | None = None
        try:
            # The listing first: of a HEAD, whatever answers can say yes.
            self._before = frozenset(self.account.containers()) - self._guarded
            self._refuse()
        except RequestException as error:
            raise trouble(self.name, error) from None

    def look(self, tell: Callable[[str], None], halt: threading.Event) -> None:
        """See what there is, to compare it at the end.

        `tell` is called with how far it is. It is stopped when another thread
        sets `halt`.
        """
        self._holdings = Holdings(
            self.account,
            lambda: self._keys.things(without=self._made.access),
            self._guarded,
            tell,
        )
        try:
            self._holdings.look("before", halt)
        except RequestException as error:
            raise trouble(self.name, error) from None

    def plain(self, output: str) -> str:
        """As it is: it is compared with nothing."""
        return output

    def requests(self) -> None:
        """Nobody sees the requests there."""

    def held(self, requests: list[Request] | None) -> Snapshot:
        """What the account holds, but for what was there before."""
        return self.account.snapshot(ignoring=self._before)

    def begin(self, step: Step) -> None:
        """The program is about to do a step: see what it cannot have made."""
        self._made.begin(step)

    def hindrance(self) -> str:
        """Why a step may have failed that is no fault of its program: nothing can
        be stored there, by nobody of this user's."""
        try:
            self._made.store_a_byte()
        except RequestException as error:
            return str(trouble(self.name, error))
        except Problem as problem:  # of a token
            return str(problem)
        return ""

    def reach(self, step: Step) -> None:
        """The program has reached the end of a step: mark what it made."""
        self._made.mark()

    def end(self, *, keep: bool) -> Aftermath:
        """The program has ended: remove what it made, and compare.

        With `keep` what it made stays, and only that is said.
        """
        report = Report()
        different: list[str] = []
        try:
            if not keep:
                self._made.clean(self._knows, self.patience, self.abandoned, report)
            different = self._differences()
        except RequestException as error:
            report.left += [str(trouble(self.name, error)), *self.left()]
        except Problem as problem:  # of a token, or somebody's who will not wait
            report.left += [str(problem), *self.left()]
        lines = report.lines(self.name) + (self.left() if keep else [])
        if different:
            lines += [
                f"what was on '{self.name}' before is not as it was:",
                *(f"  {each}" for each in different),
            ]
        return Aftermath(tuple(lines), wrong=bool(report.left or different))

    def left(self) -> list[str]:
        """What may be left of the run, as far as is known, and what removes it."""
        return self._made.left()

    def _refuse(self) -> None:
        for container in sorted(self._guarded):
            mark = mark_of(self.account, container)
            if mark is None:
                continue
            raise Problem(
                f"cloud '{self.name}' already has a container {named(container)}",
                f"an earlier run left it: {again(self.name)} removes it"
                if mark.run
                else "nothing was touched; run in a project that has none",
            )

    def _differences(self) -> list[str]:
        """What differs from before; a listing may be behind for a while."""
        end = time.monotonic() + self.patience
        pause = 0.5
        while self._holdings:
            self._holdings.look("after", self.abandoned)
            found = self._holdings.differences()
            if not found or time.monotonic() + pause > end:
                return found
            if self.abandoned.wait(pause):
                return found
            pause *= 2
        return []


def clean_cloud(
    name: str, steps: Steps, kits: Iterable[Kit], fractals: Fractals
) -> Report:
    """Remove what runs left on a cloud of clouds.yaml, whichever SDK it was.

    `Problem` says what is wrong with the cloud.
    """
    entry = read_entry(name)
    account = account_of(entry)
    containers = steps.containers.union(*(kit.containers for kit in kits))
    try:
        return clean_up(
            account,
            Keys(account, entry.environment["OS_AUTH_URL"]),
            name,
            containers,
            stored_by(steps, fractals.checksums),
            Named.patience,
        )
    except RequestException as error:
        raise trouble(name, error) from None
    finally:
        account.close()


def trouble(cloud: str, error: RequestException) -> Problem:
    """Why a cloud did not do what was asked, in one line."""
    if error.response is None:
        why = unreachable(error)
        return Problem(f"cloud '{cloud}': {why.what}", why.todo)
    asked = error.request.method if error.request else "a request"
    match error.response.status_code:
        case 401 | 403 | 405:
            todo = (
                "this user may not do that in its object store: ask who runs it for"
                " a role in the project that may, such as member"
            )
        case 404:
            todo = "see that what its catalog names is an object store"
        case 413 | 507:
            todo = "it takes no more: delete what is not needed, or ask for more quota"
        case status if status >= 500:
            todo = "its object store does not work: try later, or tell who runs it"
        case _:
            todo = "see that its object store works, and what this user may do there"
    return Problem(f"cloud '{cloud}' answered {answered(error)} to {asked}", todo)


def account_of(entry: Entry) -> DistantAccount:
    """Its account, with another token when that of the entry has expired."""
    return DistantAccount(
        entry.url,
        entry.token,
        verify=entry.verify,
        renew=entry.renew,
    )
