"""Swift and Keystone, those that this project pins, on this machine."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar, Self

from livesteps.plugin import Account, Info, Purpose, Server

if TYPE_CHECKING:
    from livesteps.read.guide import Guide
    from livesteps_openstack.cloud import Cloud

NUMBERS = itertools.count(1)
"""So that no two accounts of this process have the same name."""


class Swift(Server):
    """A cloud of our own, in which each account is a fresh project."""

    name = "swift"
    title = "Swift 2.38"
    tls = True
    ways = True
    debian: ClassVar[bool] = False
    """It is the cloud of the distribution's packages."""

    cloud: Cloud

    def __init__(
        self, guide: Guide, *, tls: bool = False, way: str = "", named: str = ""
    ) -> None:
        super().__init__(guide, tls=tls, way=way)
        self._tls = tls
        self._ready = False

    @classmethod
    def supported(cls) -> str:
        """Why it cannot run here, in a short phrase, or nothing."""
        from livesteps_openstack import cloud

        return cloud.supported(debian=cls.debian) or ""

    def __enter__(self) -> Self:
        from livesteps_openstack.cloud import Cloud

        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(debian=self.debian, tls=self._tls))
            self.begin(stack)
            self._stack = stack.pop_all()
        return self

    def begin(self, stack: ExitStack) -> None:
        """Start what runs beside the cloud; the stack ends it."""

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def wait(self) -> None:
        """Wait until it is ready."""
        _ = self.cloud.auth_url
        self._ready = True

    def info(self) -> Info:
        """What the object store says of itself."""
        from livesteps_openstack.info import read_info
        from livesteps_openstack.session import Session

        if not self._ready:
            return Info(None, "the servers were not ready")
        with Session(verify=str(self.cloud.ca) if self.cloud.ca else True) as http:
            return read_info(f"{self.cloud.storage_url}/v1/", http)

    def account(self, purpose: Purpose) -> Account:
        """A fresh project."""
        return self.project(f"{purpose.name}-{next(NUMBERS)}", purpose.way)

    def project(self, name: str, way: str) -> Account:
        """A fresh project of this name."""
        from livesteps_openstack.accounts import Embedded

        return Embedded(self.cloud, name, way=way)
