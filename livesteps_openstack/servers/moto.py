"""moto, which speaks S3 alone."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from livesteps.plugin import Account, Info, need
from livesteps_openstack.servers.swift import Swift

if TYPE_CHECKING:
    from livesteps_openstack.moto import Moto


class MotoS3(Swift):
    """A cloud, and moto in the place of its S3 API."""

    name = "moto"
    title = "moto"
    tls = False
    ways = False
    without = "moto has neither TLS nor ways"
    at_once = 1  # all share what it stores in

    moto: Moto

    @classmethod
    def supported(cls) -> str:
        """Why it cannot run here, in a short phrase, or nothing."""
        from livesteps_openstack.cloud.needs import lacking

        return super().supported() or lacking("moto") or ""

    def begin(self, stack: ExitStack) -> None:
        """Start moto."""
        need("moto", "openstack", "moto")
        from livesteps_openstack.moto import Moto

        self.moto = stack.enter_context(Moto())

    def info(self) -> Info:
        """S3 has no way to ask."""
        return Info(None, "moto speaks S3 alone, which has no /info")

    def project(self, name: str, way: str) -> Account:
        """A fresh project; moto forgets what was there."""
        from livesteps_openstack.accounts import OnMoto

        return OnMoto(self.cloud, name, self.moto)
