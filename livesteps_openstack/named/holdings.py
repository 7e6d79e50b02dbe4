"""What is in somebody's account, before a run and after it, and what differs."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import requests

from livesteps.plugin import Problem
from livesteps_openstack.contents import DistantContents

AT_ONCE = 4
"""Containers that are listed side by side."""
EVERY = 5.0
"""Seconds between two words on how far it is."""
MOST = 20
"""Differences that are named; the rest are counted."""

Thing = tuple[str, str]
"""What it is, to be read, and what it is like."""


class Holdings:
    """All of an account but the containers that are set aside.

    What it saw lies in a database that SQLite keeps in memory or, where it is
    large, in a file without a name: an account may hold any number of objects.
    """

    def __init__(
        self,
        contents: DistantContents,
        keys: Callable[[], Iterable[Thing]],
        aside: Collection[str],
        tell: Callable[[str], None],
    ) -> None:
        """`keys` gives the EC2 credentials of the account's user; `tell` is
        called now and then with how far it is."""
        self._contents = contents
        self._keys = keys
        self._aside = frozenset(aside)
        self._tell = tell
        self._turn = threading.Lock()
        self._seen = sqlite3.connect("", check_same_thread=False)
        for when in ("before", "after"):
            self._seen.execute(
                f"CREATE TABLE {when} (what TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID"
            )

    def look(self, when: str, stop: threading.Event) -> None:
        """See what there is `before` or `after`; `Problem` if it is stopped.

        Raises `requests.RequestException`.
        """
        self._seen.execute(f"DELETE FROM {when}")
        self._count, self._told = 0, time.monotonic()
        names: list[str] = []
        for page in self._contents.pages(""):
            if not names:
                self._add(when, _kept("the account", page.headers, _of_account))
            names += [each["name"] for each in page.entries]
        self._add(when, self._keys())
        looking = [name for name in names if name not in self._aside]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            seen = [
                pool.submit(self._look_into, when, name, stop, len(looking))
                for name in looking
            ]
            try:
                for each in seen:
                    each.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def differences(self) -> list[str]:
        """What differs, a line each, without any value of metadata."""
        found = [
            *(f"{what} is gone" for what in self._only("before", "after")),
            *(f"{what} is new" for what in self._only("after", "before")),
            *(
                f"{what} is not as it was" + _how(old, new)
                for what, old, new in self._seen.execute(
                    "SELECT what, before.state, after.state FROM before"
                    " JOIN after USING (what) WHERE before.state != after.state"
                )
            ),
        ]
        if len(found) > MOST:
            found = [*found[:MOST], f"and {len(found) - MOST} more"]
        return found

    def _only(self, here: str, there: str) -> Iterator[str]:
        only = self._seen.execute(
            f"SELECT what FROM {here} WHERE what NOT IN (SELECT what FROM {there})"
        )
        return (what for (what,) in only)

    def _look_into(
        self, when: str, container: str, stop: threading.Event, of: int
    ) -> None:
        what = f"container {named(container)}"
        try:
            for number, page in enumerate(self._contents.pages(container)):
                if stop.is_set():
                    raise Problem("it was interrupted; run it again")
                if not number:
                    self._add(when, [(what, "")])
                    self._add(when, _kept(what, page.headers, _of_container))
                self._add(when, _objects(container, page.entries), progress=of)
        except requests.HTTPError as error:
            # It went meanwhile, or nobody lets this user see it.
            if error.response.status_code >= 500:
                raise
            if error.response.status_code != 404:
                self._add(when, [(what, str(error.response.status_code))])

    def _add(self, when: str, things: Iterable[Thing], progress: int = 0) -> None:
        with self._turn:
            self._count += self._seen.executemany(
                f"INSERT OR REPLACE INTO {when} VALUES (?, ?)", things
            ).rowcount
            if progress and time.monotonic() > self._told + EVERY:
                self._told = time.monotonic()
                self._tell(
                    f"looking at what is there: {self._count:,} things so far,"
                    f" in {progress:,} containers"
                )


def named(*names: str) -> str:
    """A name in quotes, on one line, whatever is in it."""
    name = "/".join(names)
    return f"'{name}'" if name.isprintable() else repr(name)


def _objects(container: str, entries: Iterable[dict[str, object]]) -> Iterator[Thing]:
    for entry in entries:
        what = f"object {named(container, str(entry['name']))}"
        yield what, json.dumps(entry, sort_keys=True)


def _kept(
    what: str, headers: Mapping[str, str], counts: Callable[[str], bool]
) -> Iterator[Thing]:
    """The metadata among the headers, as digests: there are keys among them."""
    for name, value in headers.items():
        if counts(name):
            digest = hashlib.sha256(value.encode(errors="surrogateescape"))
            yield f"metadata '{name}' of {what}", digest.hexdigest()


def _of_account(header: str) -> bool:
    return header.startswith(("x-account-meta-", "x-account-access-control"))


def _of_container(header: str) -> bool:
    if header.startswith(("x-container-meta-", "x-versions-", "x-history-")):
        return True
    volatile = header.endswith("-count") or "bytes-used" in header
    return header == "x-storage-policy" or (
        header.startswith("x-container-") and not volatile
    )


def _how(before: str, after: str) -> str:
    """Which fields of a listing's entry differ, if it is one."""
    if not before.startswith("{"):
        return ""
    old, new = json.loads(before), json.loads(after)
    fields = sorted(key for key in old | new if old.get(key) != new.get(key))
    return f" ({', '.join(fields)})"
