"""What a plugin may bring: servers, contract kinds, changes, and a vocabulary.

A plugin is a module that a guide names in its guide.toml. What it brings are the
classes in it that derive from these, and `Vocabulary` objects. Nothing here knows a
server or a protocol.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from livesteps.errors import Problem, nearest, need, shown
from livesteps.read.tomlfile import Table

if TYPE_CHECKING:
    from livesteps.read.chapter import Chapter, Step
    from livesteps.read.deviations import Deviations
    from livesteps.read.exchange import Exchange
    from livesteps.read.guide import Guide
    from livesteps.read.sdk import SDK
    from livesteps.run.service import Service


__all__ = [
    "Account",
    "Aftermath",
    "Change",
    "Host",
    "Info",
    "Kind",
    "Name",
    "Problem",
    "Purpose",
    "Rule",
    "Seen",
    "Server",
    "Table",
    "Vocabulary",
    "nearest",
    "need",
    "shown",
]


@dataclass(frozen=True)
class Name:
    """A name in a contract that stands for something else in the file."""

    what: str
    """What it is called by, such as `file`."""
    name: str
    among: Collection[str]
    """Those that are known."""
    keys: tuple[str, ...] = ()
    """The keys that lead to it, where that is not the step's own key."""


@dataclass(frozen=True)
class Seen:
    """What is known of a step that is done, for whoever checks its contract."""

    step: Step
    chapter: Chapter
    account: Account
    output: str
    """What the step printed."""
    exchanges: list[Exchange] | None
    """Its HTTP exchanges; None where nobody sees them."""
    folder: Path
    """The working folder of the sample."""
    services: Mapping[str, Service]
    """The services of the guide, by name."""


class Kind:
    """One thing that a contract can say: a key of a step. Its docstring says what
    must be so when the step is done, as the manual does."""

    key: ClassVar[str]
    type: ClassVar[Any]
    """Of the value, as pydantic takes it."""
    tables: ClassVar[Mapping[str, Any]] = {}
    """More keys at the top of the chapter's file, and their types."""
    sdk_keys: ClassVar[Mapping[str, Any]] = {}
    """More keys of sdk.toml, and their types. None of them must be there."""

    def names(self, value: Any, step: Step, chapter: Chapter) -> Iterator[Name]:
        """The names in a value that must be known."""
        yield from ()

    def table_names(self, chapter: Chapter) -> Iterator[Name]:
        """The names in its tables that must be known."""
        yield from ()

    def check(self, value: Any, seen: Seen) -> list[str]:
        """What does not hold, as lines to read; best none."""
        raise NotImplementedError


@dataclass(frozen=True)
class Info:
    """What a server says of itself, or why that could not be read; neither of a
    server that has no way to say it."""

    content: dict[str, Any] | None
    why: str = ""
    """In one line, without an address."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of servers, by name, as far as it says them."""


@dataclass(frozen=True)
class Aftermath:
    """What an account is like after a run."""

    lines: tuple[str, ...] = ()
    """What was removed, what is left, and what differs."""
    wrong: bool = False
    """Something is left that should not be, or differs."""


class Account:
    """What one run stores in, and what the runner sees of it.

    What is here is right for an account that was made for the run and goes with
    its server.
    """

    environment: dict[str, str]
    """The variables that the sample gets."""
    known: dict[str, str]
    """Values that differ from run to run, and what they are."""
    secrets: dict[str, str]
    """Values that no output may show, and what they are."""
    versions: dict[str, str]
    """Versions of the servers, as far as they are known."""
    patience: float = 0.0
    """Seconds that the server may take until it shows a change."""
    ca: Path | None = None
    """The certificate of its private CA, in PEM; the trust store lies beside."""

    def __init__(self) -> None:
        self.environment = {}
        self.known = {}
        self.secrets = {}
        self.versions = {}

    def exchanges(self) -> list[Exchange] | None:
        """Those since the last call; None where nobody sees them."""
        return None

    def begin(self, step: Step) -> None:
        """The program is about to do a step."""

    def reach(self, step: Step) -> None:
        """The program has reached the end of a step, and waits."""

    def hindrance(self) -> str:
        """Why a step may have failed that is no fault of its program, or nothing."""
        return ""

    def plain(self, output: str) -> str:
        """A normalised output as it would be without TLS."""
        return output

    def where(self) -> dict[str, str]:
        """Values that tell whoever reads a report where the account is, and what
        stands in their place there."""
        return {}

    def look(self, tell: Callable[[str], None], halt: threading.Event) -> None:
        """See what is there, before the program starts. `tell` is called with what
        takes long; it is stopped when another thread sets `halt`."""

    def end(self, *, keep: bool) -> Aftermath:
        """The program has ended: remove what it made, unless it is to be kept."""
        return Aftermath()

    def left(self) -> list[str]:
        """What may be left of the run, as far as is known, in lines to read."""
        return []

    def abandon(self) -> None:
        """Ask nothing more of the server, from whatever thread."""

    def explaining(self) -> AbstractContextManager[None]:
        """Errors of the server that are raised inside become a `Problem`."""
        return nullcontext()

    def close(self) -> None:
        """Close its connections, if it has any."""


@dataclass(frozen=True)
class Purpose:
    """What an account is for."""

    chapter: Chapter
    sdk: SDK | None
    """None for any SDK's program of the chapter."""
    services: Mapping[str, Service]
    """The services of the guide, by name."""
    way: str = ""
    """How the program connects, where not as step 1 does."""

    @property
    def name(self) -> str:
        """What the account may be called after."""
        return self.sdk.id if self.sdk else "nobody"


class Server:
    """What programs run against: how to start it or reach it.

    A context manager. Its start does not wait until it is ready; `wait` does, and
    so does the first use. Starting, waiting and its methods raise `Problem`.
    """

    name: ClassVar[str]
    """By which `--server`, guides and SDKs name it."""
    title: ClassVar[str]
    """As a reader knows it."""
    option: ClassVar[str] = ""
    """The option of `livesteps run` that names which one it is, where it is not
    started but a person's own; such as `--at`. It takes the place of `--server`."""
    option_help: ClassVar[str] = ""
    tls: ClassVar[bool] = False
    """It can be reached over TLS."""
    ways: ClassVar[bool] = False
    """Programs may connect to it in another way than that of step 1."""
    without: ClassVar[str] = ""
    """What to say of it where TLS, or another way, is asked for in vain."""

    at_once: int | None = None
    """How many runs it takes side by side; None: as many as the machine."""
    way: str = ""
    """How programs connect to it, where not as step 1 does; known on entry."""
    needs: tuple[str, ...] = ()
    """Keys of an SDK's `cannot` that it needs; known on entry."""
    why_not: str = ""
    """Why nothing can run on it, though nothing is wrong; known on entry."""

    def __init__(
        self, guide: Guide, *, tls: bool = False, way: str = "", named: str = ""
    ) -> None:
        """`named` is what its option gives."""
        self.guide = guide
        self.way = way

    @classmethod
    def supported(cls) -> str:
        """Why it cannot run here, in a short phrase, or nothing."""
        return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop it, if it was started."""

    def wait(self) -> None:
        """Wait until it is ready."""

    def info(self) -> Info:
        """What it says of itself. It waits for nothing."""
        return Info(None)

    def deviations(self) -> Deviations:
        """How it differs from what is recorded, as the guide says."""
        return self.guide.deviations[self.name]

    def account(self, purpose: Purpose) -> Account:
        """An account in which nothing has run yet."""
        raise NotImplementedError


class Change:
    """Something that a trouble makes to differ, in an account."""

    name: ClassVar[str]

    def make(self, account: Account) -> None:
        """Make it, before a step; before step 1 the environment still counts."""
        raise NotImplementedError


@dataclass(frozen=True)
class Rule:
    """One kind of thing that differs from run to run, and how to see it."""

    name: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Vocabulary:
    """What in a text varies, is secret, or tells."""

    rules: tuple[Rule, ...] = ()
    """What differs between two outputs of the same sample."""
    tokens: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By their names: secrets that are known by their form alone."""
    secrets: tuple[re.Pattern[str], ...] = ()
    """Secrets in reports; what the first group matches is kept."""
    telling: tuple[str, ...] = ()
    """How the request headers begin that tell what a step did, in lower case."""

    def __add__(self, other: Vocabulary) -> Vocabulary:
        return Vocabulary(
            (*self.rules, *other.rules),
            {**self.tokens, **other.tokens},
            (*self.secrets, *other.secrets),
            (*self.telling, *other.telling),
        )


class Host(Protocol):
    """What a command that a plugin brings gets, as the object of its context."""

    def guide(self) -> Guide:
        """The guide that the current folder is in; `Problem` if it is in none."""

    def services(self, guide: Guide) -> AbstractContextManager[Mapping[str, Service]]:
        """The services of a guide, for as long as the context lasts."""
