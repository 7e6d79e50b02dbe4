"""What one run made in somebody's account, as far as is known meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from requests import HTTPError, RequestException

from livesteps_openstack.contents import DistantContents, below
from livesteps_openstack.named.clean import (
    MARK,
    Cleaner,
    Knows,
    Mark,
    Report,
    again,
    key_by_hand,
    mark_of,
    new_run,
    put_mark,
)
from livesteps_openstack.named.holdings import named
from livesteps_openstack.named.keys import Keys, thing

if TYPE_CHECKING:
    from livesteps.read.chapter import Step


class Made:
    """Containers, none of which was there when the run began, and EC2 credentials.

    Its methods raise `requests.RequestException`.
    """

    def __init__(
        self,
        contents: DistantContents,
        keys: Keys,
        cloud: str,
        containers: Collection[str],
        makes_keys: Mapping[int, int],
    ) -> None:
        """`containers` are those that the run may make; `makes_keys` is how many
        EC2 credentials which step makes."""
        self._contents = contents
        self._keys = keys
        self._cloud = cloud
        self._guarded = sorted(containers)
        self._makes_keys = makes_keys
        self._run = new_run()
        self._containers: set[str] = set()
        self._others: dict[str, str] = {}
        """Containers that somebody else made meanwhile, and what tells that."""
        self._unseen: set[str] = set()
        """Those that a step may have made since they were looked at."""
        self.access: set[str] = set()
        """The access keys of the credentials."""
        self._unsure: set[str] = set()
        """Those that may be the run's, or somebody else's."""
        self._keys_before: set[str] = set()
        self._making = 0
        """How many credentials the step makes that runs."""
        self._making_first = False
        """Whether the step makes the first container."""

    def begin(self, step: Step) -> None:
        """A step is about to begin: what it finds there is not its own."""
        self._making = self._makes_keys.get(step.number, 0)
        self._making_first = bool(step.contract["holds"]) and not self._containers
        if self._making:
            self._keys_before = self._keys.held()
        for container in set(self._guarded) - self._containers - self._others.keys():
            if mark_of(self._contents, container) is not None:
                self._others[container] = "no step of this run was under way"
        self._unseen = set(self._guarded) - self._others.keys()

    def mark(self) -> None:
        """Mark what a step made."""
        self._take_keys()
        for container in self._guarded:
            self._put_mark(container, self._see(container))

    def store_a_byte(self) -> None:
        """Store an object that no step stores, and delete it, in a container that
        the run made; make one where the step was to make the first."""
        for container in sorted(self._containers)[:1]:
            url = self._contents.url + below(container, f"livesteps-{self._run}")
            self._contents.send("PUT", url, body=b"0")
            self._contents.send("DELETE", url)
            return
        if not self._making_first:
            return
        if all(mark_of(self._contents, name) is None for name in self._guarded):
            first = self._contents.url + below(self._guarded[0])
            self._contents.send("PUT", first, {MARK: self._run})

    def clean(
        self, knows: Knows, patience: float, stop: threading.Event, report: Report
    ) -> None:
        """Remove all of it, as `Cleaner` does."""
        cleaner = Cleaner(
            *(self._contents, self._cloud, knows, patience), stop=stop, report=report
        )
        try:
            self._take_keys()
            for access in sorted(self.access):
                if cleaner.delete_key(self._keys, access):
                    self.access.discard(access)
        except RequestException:  # of Keystone: the object store may still answer
            self._unsure |= self.access
        tried: set[str] = set()
        # A request of the program that was under way may have come in since.
        for _ in range(2):
            self._look_again()
            for container in sorted(self._containers - tried):
                if cleaner.remove(container):
                    self._containers.discard(container)
                else:
                    tried.add(container)
        report.left += [
            f"container {named(container)} is left, for somebody else made it: {why}"
            for container, why in sorted(self._others.items())
        ]
        report.left += [
            f"{thing(access)} is left, which this run made or somebody else; if it is"
            f" not in use, delete it by {key_by_hand(self._cloud, access)}"
            for access in sorted(self._unsure)
        ]
        if self._unseen:
            report.left += self.left()

    def left(self) -> list[str]:
        """What may be left of it, as far as is known, and what removes it."""
        containers, keys = self._containers.copy(), sorted(self.access.copy())
        perhaps = self._unseen - containers
        things = [f"container {named(name)}" for name in sorted(containers)]
        things += [f"perhaps container {named(name)}" for name in sorted(perhaps)]
        if not things:
            return [
                f"left on '{self._cloud}': {thing(access)}; delete it by"
                f" {key_by_hand(self._cloud, access)}"
                for access in keys
            ]
        things += map(thing, keys)
        return [
            f"left on '{self._cloud}': {', '.join(things)};"
            f" {again(self._cloud)} removes what it made"
        ]

    def _see(self, container: str) -> Mark | None:
        """The mark of a container that the run made, for it was not there before."""
        mark = mark_of(self._contents, container)
        self._unseen.discard(container)
        self._containers.discard(container)
        if mark is None:
            self._others.pop(container, None)
            return None
        if mark.run not in ("", self._run):
            self._others[container] = "it bears the mark of another run"
        if container in self._others:
            return None
        self._containers.add(container)
        return mark

    def _put_mark(self, container: str, mark: Mark | None) -> None:
        mine = Mark(self._run, frozenset(self.access))
        if mark not in (None, mine):
            put_mark(self._contents, container, mine)

    def _look_again(self) -> None:
        for container in self._guarded:
            with suppress(HTTPError):  # marked or not, it is removed now
                self._put_mark(container, self._see(container))

    def _take_keys(self) -> None:
        """The keys that are new since the step began are the program's own.

        Somebody else may make one too, so that nothing is taken if there are
        more than the step makes. Those that it has deleted are gone.
        """
        if self._making:
            new = self._keys.held() - self._keys_before
            few = len(new) <= self._making
            self._making = 0
            (self.access if few else self._unsure).update(new)
        if self.access:
            self.access &= self._keys.held()
