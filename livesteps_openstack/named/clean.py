"""What a run made in somebody's account: marked, found again and removed.

A container that a run made bears the run's mark, in its metadata. What has no
mark is not touched, whatever it is called.
"""

from __future__ import annotations

import secrets
import shlex
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import requests

from livesteps_openstack.contents import DistantContents, below
from livesteps_openstack.named.holdings import named
from livesteps_openstack.named.keys import Keys, thing

MARK = "X-Container-Meta-Livesteps-Run"
KEYS = "X-Container-Meta-Livesteps-Keys"
"""The access keys that the run made: it stands on a container, for a pair of
keys has no place for a mark."""
NAMED = 10
"""Objects that are named; the rest are counted."""

Knows = Callable[[str], bool]
"""Whether an object of this name can be one that a program stored."""


class Mark(NamedTuple):
    """What tells that a run made a container; which one, if it was one at all."""

    run: str = ""
    keys: frozenset[str] = frozenset()


@dataclass
class Report:
    """What became of what a run made, in words to read."""

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Each says why, and what to do."""
    unmarked: list[str] = field(default_factory=list)
    """What nobody tried to remove, for it is no run's as far as is known."""

    def lines(self, cloud: str) -> list[str]:
        """A line on what is gone, one on each thing that is not."""
        gone = [f"removed from '{cloud}': {', '.join(self.removed)}"]
        return [*(gone if self.removed else []), *self.left, *self.unmarked]


def new_run() -> str:
    """A name for a run that no other has."""
    return secrets.token_hex(8)


def mark_of(contents: DistantContents, container: str) -> Mark | None:
    """The mark of a container, an empty one where it has none; None if there is
    no such container. Raises `requests.RequestException`."""
    try:
        headers = contents.ask("HEAD", below(container)).headers
    except requests.HTTPError as error:
        if error.response.status_code == 404:
            return None
        raise
    keys = headers.get(KEYS.lower(), "").split()
    return Mark(headers.get(MARK.lower(), ""), frozenset(keys))


def put_mark(contents: DistantContents, container: str, mark: Mark) -> None:
    """Mark a container: the rest of its metadata stays as it is."""
    headers = {MARK: mark.run}
    if mark.keys:
        headers[KEYS] = " ".join(sorted(mark.keys))
    contents.send("POST", contents.url + below(container), headers)


def by_hand(cloud: str, container: str) -> str:
    """The command that removes a container and all that is in it."""
    command = ["openstack", "--os-cloud", cloud, "container", "delete", "--recursive"]
    return f"`{shlex.join([*command, container])}`"


def key_by_hand(cloud: str, access: str) -> str:
    """The command that deletes a pair of keys."""
    command = ["openstack", "--os-cloud", cloud, "ec2", "credentials", "delete"]
    return f"`{shlex.join([*command, access])}`"


def again(cloud: str) -> str:
    """The command that removes what bears a mark."""
    return f"`{shlex.join(['livesteps', 'clean', '--os-cloud', cloud])}`"


class Cleaner:
    """Removes what runs made, and goes on where something cannot be removed.

    It stops between two requests when another thread sets `stop`. Raises
    `requests.RequestException` where the cloud answers no more.
    """

    def __init__(
        self,
        contents: DistantContents,
        cloud: str,
        knows: Knows,
        patience: float,
        *,
        stop: threading.Event,
        report: Report,
    ) -> None:
        """`patience` is how long a listing may be behind, in seconds. What
        became of each thing goes to the `report`."""
        self._report = report
        self._contents = contents
        self._cloud = cloud
        self._knows = knows
        self._patience = patience
        self._stop = stop

    def remove(self, container: str) -> bool:
        """Remove a container and what programs stored there; of others, nothing.

        Whether it is gone.
        """
        what = f"container {named(container)}"
        end = time.monotonic() + self._patience
        pause, deleted = 0.25, 0
        while not self._stop.is_set():
            kept, failed = [], {}
            for name in self._names(container):
                if self._stop.is_set():
                    return False
                if not self._knows(name):
                    kept.append(named(container, name))
                elif why := self._delete(container, name):
                    failed[named(container, name)] = why
                else:
                    deleted += 1
            why = "" if kept or failed else self._delete(container)
            if not kept and not failed and not why:
                self._report.removed.append(f"{what} ({deleted} objects)")
                return True
            # The container may seem to hold what was just deleted. Whatever else
            # the cloud could not do, it is asked for twice.
            again_soon = why.startswith("409") or pause < 0.5
            if kept or not again_soon or time.monotonic() + pause > end:
                self._report.left += [
                    f"object {name} is left: the cloud answered {each}"
                    for name, each in failed.items()
                ]
                self._report.left.append(self._why_left(container, kept, why))
                return False
            self._stop.wait(pause)
            pause *= 2
        return False

    def delete_key(self, keys: Keys, access: str) -> bool:
        """Delete a pair of keys. Whether it is gone."""
        if self._stop.is_set():
            return False
        try:
            keys.delete(access)
        except requests.HTTPError as error:
            if error.response.status_code != 404:
                self._report.left.append(
                    f"{thing(access)} is left: the cloud answered {answered(error)};"
                    f" delete it by {key_by_hand(self._cloud, access)}"
                )
                return False
        else:
            self._report.removed.append(thing(access))
        return True

    def _why_left(self, container: str, kept: list[str], why: str) -> str:
        what = f"container {named(container)} is left"
        if not kept:
            because = f": the cloud answered {why}" if why else ""
            return f"{what}{because}; try again: {again(self._cloud)}"
        objects = ", ".join(kept[:NAMED])
        if len(kept) > NAMED:
            objects += f" and {len(kept) - NAMED} more"
        return (
            f"{what} with what no step stores: {objects}; if that may go too, remove"
            f" it by {by_hand(self._cloud, container)}"
        )

    def _names(self, container: str) -> list[str]:
        try:
            return [
                entry["name"]
                for page in self._contents.pages(container)
                for entry in page.entries
            ]
        except requests.HTTPError as error:
            if error.response.status_code == 404:
                return []
            raise

    def _delete(self, *names: str) -> str:
        """What the cloud answered, if it has not deleted it."""
        try:
            self._contents.send("DELETE", self._contents.url + below(*names))
        except requests.HTTPError as error:
            return "" if error.response.status_code == 404 else answered(error)
        return ""


def answered(error: requests.RequestException) -> str:
    """What the cloud answered, in a few words."""
    assert error.response is not None
    return f"{error.response.status_code} {error.response.reason}"


def clean_up(
    contents: DistantContents,
    keys: Keys,
    cloud: str,
    containers: Collection[str],
    knows: Knows,
    patience: float,
) -> Report:
    """Remove what earlier runs left of these containers: what bears a mark.

    Raises `requests.RequestException`.
    """
    contents.containers()  # of a HEAD, whatever answers can say yes
    report = Report()
    cleaner = Cleaner(
        *(contents, cloud, knows, patience), stop=threading.Event(), report=report
    )
    marks = {name: mark_of(contents, name) for name in sorted(containers)}
    held = keys.held()
    for access in sorted(set().union(*(each.keys for each in marks.values() if each))):
        if access in held:
            cleaner.delete_key(keys, access)
    for container, mark in marks.items():
        if mark and mark.run:
            cleaner.remove(container)
        elif mark:
            report.unmarked.append(
                f"container {named(container)} bears no mark of a run, and is not"
                f" touched; if it may go, remove it by {by_hand(cloud, container)}"
            )
    return report
