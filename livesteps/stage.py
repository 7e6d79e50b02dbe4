"""What runs share: the cloud and the Fractals app, for as long as they run."""

from __future__ import annotations

import itertools
import threading
from contextlib import ExitStack
from types import TracebackType

from livesteps.cloud import PYPI, Cloud
from livesteps.fractals import Fractals, checksums
from livesteps.kit import Kit
from livesteps.place import Embedded, Named, Place
from livesteps.recording import Recording
from livesteps.run import DEADLINE, Run
from livesteps.step import Steps


class Stage:
    """The servers, started on entry and stopped on exit.

    With `os_cloud` the samples run against that cloud of clouds.yaml, and no
    cloud is started. `swift` says whose Swift it is that is started.
    """

    def __init__(
        self, steps: Steps, *, os_cloud: str | None = None, swift: str = PYPI
    ) -> None:
        self.steps = steps
        self._swift = swift
        self._os_cloud = os_cloud
        self._numbers = itertools.count(1)

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            self.cloud = (
                None
                if self._os_cloud
                else stack.enter_context(Cloud(swift=self._swift))
            )
            if self._os_cloud:
                # What is wrong with it stops all, before anything runs.
                self.place("check").account.close()
            self.fractals_url = stack.enter_context(Fractals()).url
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def run(
        self,
        kit: Kit,
        recording: Recording | None = None,
        *,
        deadline: float = DEADLINE,
        halt: threading.Event | None = None,
    ) -> Run:
        """A run of a kit's sample, in a project of its own."""
        return Run(
            kit,
            self.steps,
            self.place(kit.id),
            fractals=self.fractals_url,
            pictures=checksums(),
            recording=recording,
            deadline=deadline,
            halt=halt,
        )

    def place(self, name: str) -> Place:
        """A place where nothing has run yet."""
        if self.cloud:
            return Embedded(self.cloud, f"{name}-{next(self._numbers)}")
        assert self._os_cloud
        made = {container for step in self.steps.steps for container in step.holds}
        return Named(self._os_cloud, made)
