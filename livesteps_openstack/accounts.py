"""Where a sample runs: a project of a cloud of our own."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import urlsplit

from livesteps.plugin import Account
from livesteps.read.exchange import Exchange
from livesteps_openstack.ceph import Ceph
from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.contents import (
    Contents,
    DistantContents,
    EmbeddedContents,
    Snapshot,
)
from livesteps_openstack.moto import Moto, S3Contents

APPLICATION_CREDENTIAL = "application-credential"
"""The way that chapters name so."""

UNUSUAL = {"domain": "L\u00e4nder", "interface": "internal"}
"""Where a project lies on a cloud that is reached over TLS: where nothing is as
programs that were tried on one machine expect it."""


class ObjectStore(Protocol):
    """What the contracts ask of an account of an object store."""

    @property
    def contents(self) -> Contents | S3Contents:
        """What the sample stores in."""

    def held(self, exchanges: list[Exchange] | None) -> Snapshot:
        """What the account holds after these requests."""


def where(environment: dict[str, str], url: str) -> dict[str, str]:
    """What of an account nobody needs who reads a report: of a cloud of a person's
    own, neither its hosts nor the project's id. `url` is the account's."""
    found: dict[str, str] = {}
    for each, what in (
        (environment.get("OS_AUTH_URL", ""), "identity address"),
        (url, "object storage address"),
    ):
        address = urlsplit(each)
        found.setdefault(address.netloc, what)
        if address.hostname not in ("localhost", "127.0.0.1", "::1"):
            found.setdefault(address.hostname or "", what)
    for value in (
        *re.findall(r"[0-9a-f]{32}", urlsplit(url).path),
        environment.get("OS_PROJECT_ID", ""),
    ):
        found.setdefault(value, "project id")
    credential = environment.get("OS_APPLICATION_CREDENTIAL_ID", "")
    found.setdefault(credential, "application credential")
    found.pop("", None)
    return found


class Embedded(Account):
    """A fresh project of the embedded cloud."""

    contents: Contents | S3Contents

    def __init__(
        self, cloud: Cloud, name: str, *, front: str | None = None, way: str = ""
    ) -> None:
        """`front` is a server that stands before Swift, as in `Cloud.project`;
        `way` is how a sample connects, if not by a password."""
        self._cloud = cloud
        unusual = UNUSUAL if cloud.ca else {}
        self.project: Project = cloud.project(name, front=front, **unusual)
        self.ca = cloud.ca
        self.contents = EmbeddedContents(cloud, self.project)
        self._held = self.contents.snapshot()
        self.versions = cloud.versions
        self.environment = self.project.environment()
        self.known = {
            self.project.id: "project id",
            self.project.user_id: "user id",
            urlsplit(self.project.auth_url).netloc: "identity address",
            urlsplit(self.project.storage_url).netloc: "object storage address",
        }
        self.secrets = {self.project.password: "the password"}
        if way == APPLICATION_CREDENTIAL:
            credential = cloud.application_credential(self.project)
            self.environment = self.project.environment(credential)
            self.known[credential.id] = "application credential"
            self.secrets[credential.secret] = "the application credential's secret"

    def plain(self, output: str) -> str:
        """A normalised output as it would be without TLS."""
        return output.replace("https://<", "http://<") if self.ca else output

    def token(self) -> tuple[str, str]:
        """A token and the account's URL, for requests that nobody records."""
        return self.project.token()

    def exchanges(self) -> list[Exchange]:
        """Those of this project since the last call."""
        return self._cloud.exchanges(self.project)

    def held(self, exchanges: list[Exchange] | None) -> Snapshot:
        """What the account holds; it is read again if a request may write.

        Every request to this project is seen, so that nothing else changes it.
        """
        if any(each.method not in ("GET", "HEAD") for each in exchanges or ()):
            self._held = self.contents.snapshot()
        return self._held

    def where(self) -> dict[str, str]:
        """Its addresses and ids."""
        return where(self.environment, self.contents.url)

    def close(self) -> None:
        """Close the connections of whoever looked."""
        self.contents.close()


class OnMoto(Embedded):
    """A fresh project whose S3 address is moto's."""

    def __init__(self, cloud: Cloud, name: str, moto: Moto) -> None:
        super().__init__(cloud, name, front=moto.url)
        self._moto = moto
        moto.swift = self.project.storage_url
        moto.reset()
        moto.take_exchanges()
        self.contents.close()
        self.contents = S3Contents(moto.reader_url)
        self.versions = {**cloud.versions, "moto": moto.version}
        self.known[urlsplit(moto.url).netloc] = "object storage address"

    def exchanges(self) -> list[Exchange]:
        """Those to Identity, then those to moto."""
        asked = [each for each in super().exchanges() if each.service == "identity"]
        return asked + self._moto.take_exchanges()


class OnCeph(Embedded):
    """A fresh project whose object storage is Ceph's."""

    def __init__(self, cloud: Cloud, name: str, ceph: Ceph, *, way: str = "") -> None:
        self._lane = ceph.lane()
        self.front = f"{self._lane.url}/swift"
        super().__init__(cloud, name, front=self.front, way=way)
        self._url = f"{ceph.url}/swift/v1/AUTH_{self.project.id}"
        self.contents = DistantContents(self._url, self.token()[0])
        self.versions = {"keystone": cloud.versions["keystone"], "ceph": ceph.version}
        # Swift's own address has no path before the account's.
        self.known[self.front.partition("//")[2]] = "object storage address"
        self.known[urlsplit(self.front).netloc] = "object storage address"

    def token(self) -> tuple[str, str]:
        """A token and the account's URL, for requests that nobody records."""
        return super().token()[0], self._url

    def exchanges(self) -> list[Exchange]:
        """Those to Identity, then those to Ceph."""
        asked = [each for each in super().exchanges() if each.service == "identity"]
        return asked + self._lane.take_exchanges()
