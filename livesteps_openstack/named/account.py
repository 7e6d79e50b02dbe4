"""A cloud that is not ours, by its name in clouds.yaml."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from requests import RequestException

from livesteps.plugin import Account, Aftermath, Problem
from livesteps_openstack.accounts import where
from livesteps_openstack.contents import DistantContents, Snapshot
from livesteps_openstack.contracts.holds import guarded, stored_by
from livesteps_openstack.named.clean import (
    Knows,
    Report,
    again,
    answered,
    clean_up,
    mark_of,
)
from livesteps_openstack.named.entry import Entry, read_entry
from livesteps_openstack.named.holdings import Holdings, named
from livesteps_openstack.named.keys import Keys
from livesteps_openstack.named.made import Made
from livesteps_openstack.session import unreachable

if TYPE_CHECKING:
    from livesteps.read.chapter import Step
    from livesteps.read.exchange import Exchange
    from livesteps.read.guide import Guide
    from livesteps.run.service import Service


class Named(Account):
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
        self.contents = contents_of(entry)
        self.versions: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.ca = ca
        self.secrets = entry.secrets
        self.environment = entry.environment
        self._abandoned = threading.Event()
        self._guarded = frozenset(containers)
        self._knows = knows
        self._keys = Keys(self.contents, entry.environment["OS_AUTH_URL"])
        self._made = Made(
            *(self.contents, self._keys, self.name, containers), makes_keys or {}
        )
        self._holdings: Holdings | None = None
        try:
            # The listing first: of a HEAD, whatever answers can say yes.
            self._before = frozenset(self.contents.containers()) - self._guarded
            self._refuse()
        except RequestException as error:
            raise trouble(self.name, error) from None

    def look(self, tell: Callable[[str], None], halt: threading.Event) -> None:
        """See what there is, to compare it at the end.

        `tell` is called with how far it is. It is stopped when another thread
        sets `halt`.
        """
        self._holdings = Holdings(
            self.contents,
            lambda: self._keys.things(without=self._made.access),
            self._guarded,
            tell,
        )
        try:
            self._holdings.look("before", halt)
        except RequestException as error:
            raise trouble(self.name, error) from None

    def where(self) -> dict[str, str]:
        """Its addresses and ids."""
        return where(self.environment, self.contents.url)

    def held(self, exchanges: list[Exchange] | None) -> Snapshot:
        """What the account holds, but for what was there before."""
        return self.contents.snapshot(ignoring=self._before)

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

        With `keep` what it made stays, and its lines say only that.
        """
        report = Report()
        different: list[str] = []
        try:
            if not keep:
                self._made.clean(self._knows, self.patience, self._abandoned, report)
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

    def abandon(self) -> None:
        """Ask nothing more of the cloud, from whatever thread."""
        self._abandoned.set()

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """What the cloud did not do is a `Problem`."""
        try:
            yield
        except RequestException as error:
            raise trouble(self.name, error) from None

    def close(self) -> None:
        """Close its connections."""
        self.contents.close()

    def _refuse(self) -> None:
        for container in sorted(self._guarded):
            mark = mark_of(self.contents, container)
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
            self._holdings.look("after", self._abandoned)
            found = self._holdings.differences()
            if not found or time.monotonic() + pause > end:
                return found
            if self._abandoned.wait(pause):
                return found
            pause *= 2
        return []


def clean_cloud(name: str, guide: Guide, services: Mapping[str, Service]) -> Report:
    """Remove what runs left on a cloud of clouds.yaml, whichever SDK it was.

    `Problem` says what is wrong with the cloud.
    """
    entry = read_entry(name)
    contents = contents_of(entry)
    try:
        return clean_up(
            contents,
            Keys(contents, entry.environment["OS_AUTH_URL"]),
            name,
            guarded(guide, guide.sdks.values()),
            stored_by(guide, services),
            Named.patience,
        )
    except RequestException as error:
        raise trouble(name, error) from None
    finally:
        contents.close()


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


def contents_of(entry: Entry) -> DistantContents:
    """Its account, with another token when that of the entry has expired."""
    return DistantContents(
        entry.url,
        entry.token,
        verify=entry.verify,
        renew=entry.renew,
    )
