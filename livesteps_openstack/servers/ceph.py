"""Ceph's RADOS Gateway, which speaks Swift's API and S3."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from livesteps.plugin import Account
from livesteps_openstack.servers.swift import Swift

if TYPE_CHECKING:
    from livesteps_openstack.ceph import Ceph


class CephGateway(Swift):
    """A cloud's Keystone, and Ceph in the place of Swift."""

    name = "ceph"
    title = "Ceph 16"
    tls = False
    without = "Ceph is reached over HTTP here"

    ceph: Ceph

    @classmethod
    def supported(cls) -> str:
        """Why it cannot run here, in a short phrase, or nothing."""
        from livesteps_openstack import ceph

        return ceph.supported() or super().supported()

    def begin(self, stack: ExitStack) -> None:
        """Start Ceph."""
        from livesteps_openstack.ceph import Ceph

        self.ceph = stack.enter_context(Ceph(self.cloud))

    def wait(self) -> None:
        """Wait until both are ready."""
        super().wait()
        _ = self.ceph.url

    def project(self, name: str, way: str) -> Account:
        """A fresh project."""
        from livesteps_openstack.accounts import OnCeph

        return OnCeph(self.cloud, name, self.ceph, way=way)
