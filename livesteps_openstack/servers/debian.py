"""Swift and Keystone of Debian's packages, which are older."""

from __future__ import annotations

from livesteps_openstack.servers.swift import Swift


class Debian(Swift):
    """A cloud as Debian 12 has it."""

    name = "debian"
    title = "Debian 12"
    debian = True
