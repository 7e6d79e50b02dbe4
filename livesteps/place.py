"""Where a sample runs: a project of the embedded cloud, or a cloud of yours."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

from requests import RequestException

from livesteps.cloud import Cloud, Project
from livesteps.errors import Problem, nearest
from livesteps.s3 import Moto, S3Account
from livesteps.snapshot import Account, DistantAccount, EmbeddedAccount, Snapshot

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

    @property
    def account(self) -> Account | S3Account:
        """What the sample stores in."""

    def requests(self) -> list[Request] | None:
        """The requests since the last call; None where nobody sees them."""

    def held(self, requests: list[Request] | None) -> Snapshot:
        """What the account holds after these requests."""


class Embedded:
    """A fresh project of the embedded cloud."""

    account: Account | S3Account
    patience = 0.0

    def __init__(self, cloud: Cloud, name: str, *, front: str | None = None) -> None:
        """`front` is a server that stands before Swift, as in `Cloud.project`."""
        self._cloud = cloud
        self._project: Project = cloud.project(name, front=front)
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


class Named:
    """A cloud of clouds.yaml; what it held before is not touched."""

    patience = 30.0

    def __init__(self, name: str, containers: set[str]) -> None:
        """`containers` are those that a sample makes; none may be there."""
        import openstack.config  # takes a third of a second
        from keystoneauth1.exceptions import ClientException
        from openstack.exceptions import ConfigException

        try:
            config = openstack.config.OpenStackConfig()
            # Without any clouds.yaml it still tells of one, named so.
            names = [each for each in config.get_cloud_names() if each != "defaults"]
            if name not in names:
                raise Problem(
                    f"clouds.yaml has no cloud '{name}'",
                    nearest(name, names)
                    if names
                    else "write one, by `livesteps cloud --clouds-yaml FILE`",
                )
            region = config.get_one(name)
        except ConfigException as error:
            raise Problem(
                f"cloud '{name}': {error}", "mend its entry in clouds.yaml"
            ) from None
        auth = region.get_auth_args()
        needed = ("auth_url", "username", "password", "project_name")
        if missing := [key for key in needed if not auth.get(key)]:
            raise Problem(
                f"cloud '{name}' has no {', '.join(missing)}",
                "the samples connect with a user's name and password: "
                "give these under 'auth' in clouds.yaml",
            )
        session = region.get_session()
        try:
            token = session.get_token()
            url = session.get_endpoint(
                service_type="object-store",
                region_name=region.region_name,
                interface=region.get_interface("object-store"),
            )
        except ClientException as error:
            raise Problem(
                f"cloud '{name}' at {auth['auth_url']}: {error}",
                "see that it runs, and that its entry in clouds.yaml is right",
            ) from None
        if not token or not url:
            raise Problem(
                f"cloud '{name}' has no object store in its catalog",
                "choose one that has, or another region",
            )
        verify, _ = region.get_requests_verify_args()
        verify = True if verify is None else verify
        self.account = DistantAccount(url, token, verify=verify)
        try:
            held = self.account.containers()
        except RequestException as error:
            raise Problem(
                f"cloud '{name}': {error}", "see that its object store answers"
            ) from None
        for container in containers.intersection(held):
            raise Problem(
                f"cloud '{name}' already has a container '{container}'",
                "nothing was touched; run in a project that has none",
            )
        self._before = frozenset(held)
        self.versions: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.secrets = {auth["password"]: "the password"}
        domain = auth.get("user_domain_name") or "Default"
        self.environment = {
            "OS_AUTH_URL": auth["auth_url"],
            "OS_USERNAME": auth["username"],
            "OS_PASSWORD": auth["password"],
            "OS_PROJECT_NAME": auth["project_name"],
            "OS_USER_DOMAIN_NAME": domain,
            "OS_PROJECT_DOMAIN_NAME": auth.get("project_domain_name") or domain,
            "OS_REGION_NAME": region.region_name or "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_INTERFACE": region.get_interface("object-store") or "public",
        }

    def requests(self) -> None:
        """Nobody sees the requests there."""

    def held(self, requests: list[Request] | None) -> Snapshot:
        """What the account holds, but for what was there before."""
        return self.account.snapshot(ignoring=self._before)
