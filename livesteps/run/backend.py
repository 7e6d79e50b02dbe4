"""What runs share: a server and the guide's services, for as long as they run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Self

from livesteps.plugin import Account, Purpose, Server
from livesteps.read.chapter import Chapter
from livesteps.read.guide import Guide
from livesteps.read.recording import Recording
from livesteps.read.sdk import SDK
from livesteps.run.limits import DEADLINE
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps.run.service import Service, serving


class Backend:
    """A server and services, started on entry and stopped on exit.

    The start does not wait until they are ready; the first use does.
    """

    services: Mapping[str, Service]

    def __init__(self, guide: Guide, server: Server | None = None) -> None:
        """The `server` is the guide's first, if none is given."""
        self.guide = guide
        self.server = server or guide.plugins.servers[guide.server](guide)
        self._accounts: list[Account] = []
        """Those that a run is in."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.services = stack.enter_context(serving(self.guide))
            stack.enter_context(self.server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def at_once(self) -> int:
        """How many samples may run side by side: what the server says, or one more
        than there are processors, for each waits for the server now and then."""
        return self.server.at_once or (os.cpu_count() or 1) + 1

    def wait(self) -> None:
        """Wait until all are ready; `Problem` says why one is not."""
        self.server.wait()
        for service in self.services.values():
            _ = service.url

    def account(
        self, sdk: SDK | None, chapter: Chapter, *, way: str | None = None
    ) -> Account:
        """An account for a program of this chapter, in which nothing has run yet;
        `way` is another than the server's."""
        way = self.server.way if way is None else way
        return self.server.account(Purpose(chapter, sdk, self.services, way))

    @contextmanager
    def run(
        self,
        program: Program,
        recording: Recording | None = None,
        *,
        account: Account | None = None,
        deadline: float = DEADLINE,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Run]:
        """A run of a program, in an account of its own unless one is given.

        In an account of somebody's what it made is removed at the end, unless
        the run is to keep it; `tell` is called with what takes long there.
        """
        account = account or self.account(program.sdk, program.chapter)
        try:
            account.look(tell, program.halt)
            run = Run(
                program,
                account,
                services=self.services,
                words=self.guide.plugins.vocabulary,
                deviations=self.server.deviations(),
                recording=recording,
                deadline=deadline,
            )
            self._accounts.append(account)
            try:
                with account.explaining():
                    yield run
            finally:
                program.process.stop()
                run.aftermath = account.end(keep=run.keep)
                self._accounts.remove(account)
        finally:
            account.close()

    def abandon(self) -> list[str]:
        """Ask nothing more of a server that is not ours; what may be left there."""
        left = []
        for account in list(self._accounts):
            account.abandon()
            left += account.left()
        return left
