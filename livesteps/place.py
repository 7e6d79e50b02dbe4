"""Where a sample runs: a project of a cloud of our own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from livesteps.ceph import Ceph
from livesteps.cloud import Cloud, Project
from livesteps.redact import Redaction
from livesteps.s3 import Moto, S3Account
from livesteps.snapshot import Account, DistantAccount, EmbeddedAccount, Snapshot
from livesteps.step import Step

APPLICATION_CREDENTIAL = "application-credential"
"""The way that steps.toml names so."""

UNUSUAL = {"domain": "L\u00e4nder", "interface": "internal"}
"""Where a project lies on a cloud that is reached over TLS: where nothing is as
programs that were tried on one machine expect it."""

Request = dict[str, Any]
"""A request as the server saw it; `livesteps.cloud.requestlog` says its keys."""


class Place(Protocol):
    """An account to run in, and what the runner sees of it."""

    environment: dict[str, str]
    """The OS_* variables that the sample gets."""
    known: dict[str, str]
    """Values that differ from run to run, and what they are."""
    secrets: dict[str, str]
    """Values that no output may show, and what they are."""
    patience: float
    """Seconds that the server may take until a listing shows a change."""
    versions: dict[str, str]
    """Versions of the servers, as far as they are known."""
    ca: Path | None
    """The certificate of its private CA, in PEM; the trust store lies beside."""

    @property
    def account(self) -> Account | S3Account:
        """What the sample stores in."""

    def plain(self, output: str) -> str:
        """A normalised output as it would be without TLS."""

    def requests(self) -> list[Request] | None:
        """The requests since the last call; None where nobody sees them."""

    def held(self, requests: list[Request] | None) -> Snapshot:
        """What the account holds after these requests."""

    def begin(self, step: Step) -> None:
        """The program is about to do a step."""

    def hindrance(self) -> str:
        """Why a step may have failed that is no fault of its program, or nothing."""

    def reach(self, step: Step) -> None:
        """The program has reached the end of a step, and waits."""


def redaction(place: Place, known: Mapping[str, str]) -> Redaction:
    """Takes the secrets of a place out of a text, and where it is.

    Of a cloud of a person's own, neither its hosts nor the project's id is
    needed by whoever reads what happened there.
    """
    where = dict(known)
    for url, what in (
        (place.environment.get("OS_AUTH_URL", ""), "identity address"),
        (place.account.url, "object storage address"),
    ):
        address = urlsplit(url)
        where.setdefault(address.netloc, what)
        if address.hostname not in ("localhost", "127.0.0.1", "::1"):
            where.setdefault(address.hostname or "", what)
    for value in (
        *re.findall(r"[0-9a-f]{32}", urlsplit(place.account.url).path),
        place.environment.get("OS_PROJECT_ID", ""),
    ):
        where.setdefault(value, "project id")
    credential = place.environment.get("OS_APPLICATION_CREDENTIAL_ID", "")
    where.setdefault(credential, "application credential")
    where.pop("", None)
    return Redaction(tuple(place.secrets), where)


class Embedded:
    """A fresh project of the embedded cloud."""

    account: Account | S3Account
    patience = 0.0

    def __init__(
        self, cloud: Cloud, name: str, *, front: str | None = None, way: str = ""
    ) -> None:
        """`front` is a server that stands before Swift, as in `Cloud.project`;
        `way` is how a sample connects, if not by a password."""
        self._cloud = cloud
        unusual = UNUSUAL if cloud.ca else {}
        self._project: Project = cloud.project(name, front=front, **unusual)
        self.ca = cloud.ca
        self.account = EmbeddedAccount(cloud, self._project)
        self._held = self.account.snapshot()
        self.versions = cloud.versions
        self.environment = self._project.environment()
        self.known = {
            self._project.id: "project id",
            self._project.user_id: "user id",
            urlsplit(self._project.auth_url).netloc: "identity address",
            urlsplit(self._project.storage_url).netloc: "object storage address",
        }
        self.secrets = {self._project.password: "the password"}
        if way == APPLICATION_CREDENTIAL:
            credential = cloud.application_credential(self._project)
            self.environment = self._project.environment(credential)
            self.known[credential.id] = "application credential"
            self.secrets[credential.secret] = "the application credential's secret"

    def plain(self, output: str) -> str:
        """A normalised output as it would be without TLS."""
        return output.replace("https://<", "http://<") if self.ca else output

    def token(self) -> tuple[str, str]:
        """A token and the account's URL, for requests that nobody records."""
        return self._project.token()

    def requests(self) -> list[Request]:
        """The requests of this project since the last call."""
        return self._cloud.requests(self._project)

    def held(self, requests: list[Request] | None) -> Snapshot:
        """What the account holds; it is read again if a request may write.

        Every request to this project is seen, so that nothing else changes it.
        """
        if any(entry["method"] not in ("GET", "HEAD") for entry in requests or ()):
            self._held = self.account.snapshot()
        return self._held

    def begin(self, step: Step) -> None:
        """Nothing need be known before: all of it goes with the project."""

    def hindrance(self) -> str:
        """There is none that is known."""
        return ""

    def reach(self, step: Step) -> None:
        """Nothing need be marked."""


class OnMoto(Embedded):
    """A fresh project whose S3 address is moto's."""

    def __init__(self, cloud: Cloud, name: str, moto: Moto) -> None:
        super().__init__(cloud, name, front=moto.url)
        self._moto = moto
        moto.swift = self._project.storage_url
        moto.reset()
        moto.take_records()
        self.account.close()
        self.account = S3Account(moto.reader_url)
        self.versions = {**cloud.versions, "moto": moto.version}
        self.known[urlsplit(moto.url).netloc] = "object storage address"

    def requests(self) -> list[Request]:
        """Those to Identity, then those to moto."""
        asked = [each for each in super().requests() if each["service"] == "identity"]
        return asked + self._moto.take_records()


class OnCeph(Embedded):
    """A fresh project whose object storage is Ceph's."""

    def __init__(self, cloud: Cloud, name: str, ceph: Ceph, *, way: str = "") -> None:
        self._lane = ceph.lane()
        self.front = f"{self._lane.url}/swift"
        super().__init__(cloud, name, front=self.front, way=way)
        self._url = f"{ceph.url}/swift/v1/AUTH_{self._project.id}"
        self.account = DistantAccount(self._url, self.token()[0])
        self.versions = {"keystone": cloud.versions["keystone"], "ceph": ceph.version}
        # Swift's own address has no path before the account's.
        self.known[self.front.partition("//")[2]] = "object storage address"
        self.known[urlsplit(self.front).netloc] = "object storage address"

    def token(self) -> tuple[str, str]:
        """A token and the account's URL, for requests that nobody records."""
        return super().token()[0], self._url

    def requests(self) -> list[Request]:
        """Those to Identity, then those to Ceph."""
        asked = [each for each in super().requests() if each["service"] == "identity"]
        return asked + self._lane.take_records()
