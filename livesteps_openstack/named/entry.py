"""An entry of clouds.yaml: what a sample needs to use that cloud, and the runner."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from livesteps.plugin import Problem
from livesteps_openstack.accounts import APPLICATION_CREDENTIAL
from livesteps_openstack.named.catalog import find_object_store
from livesteps_openstack.named.clouds_yaml import read_region
from livesteps_openstack.named.fit import Unfit, ca_of, check_auth, check_tls, way_of
from livesteps_openstack.named.keystone import Keystone
from livesteps_openstack.session import proxy_secrets, proxy_variables

if TYPE_CHECKING:
    from keystoneauth1.access import AccessInfoV3
    from openstack.config.cloud_region import CloudRegion


@dataclass(frozen=True)
class Entry:
    """A cloud that answers, as its entry in clouds.yaml says."""

    name: str
    url: str
    """The account: what the catalog gives for the object store."""
    token: str = field(repr=False)
    renew: Callable[[], str] = field(repr=False)
    """Gives another token, when that one has ended; raises `Problem`."""
    verify: bool | str
    """How certificates are verified, as requests takes it."""
    ca: Path | None
    """The certificates to trust in place of the machine's, in PEM."""
    way: str
    """How samples connect, as the chapter names it; "" as step 1 shows it."""
    environment: dict[str, str] = field(repr=False)
    """The OS_* variables that a sample gets, and the caller's proxies."""
    secrets: dict[str, str] = field(repr=False)
    """Values that no output may show, and what they are."""


def read_entry(name: str) -> Entry:
    """Read an entry and get a token; `Problem` says what is wrong with either.

    `Unfit` says why no sample can run with it.
    """
    with warnings.catch_warnings():
        # Of openstacksdk, on what is older than it is.
        warnings.simplefilter("ignore")
        rough = read_region(name, validate=False)
        with _of(name):
            way = way_of(rough)
        region = read_region(name)
        with _of(name):
            return _read(name, region, way)


@contextmanager
def _of(name: str) -> Iterator[None]:
    """Every problem is the cloud's of this name."""
    try:
        yield
    except Problem as problem:
        kind = type(problem)
        raise kind(f"cloud '{name}': {problem.what}", problem.todo) from None


def _read(name: str, region: CloudRegion, way: str) -> Entry:
    auth = region.get_auth_args()
    check_auth(auth, way)
    check_tls(region, auth["auth_url"])
    ca = ca_of(region)
    keystone = Keystone(region)
    access = keystone.access()
    if not access.project_id:
        raise Problem(
            "its user gets a token for no project",
            "give project_name or project_id under 'auth' in clouds.yaml",
        )
    store = find_object_store(
        access.service_catalog.catalog,
        region.get_region_name("object-store") or "",
        region.get_interface("object-store") or "public",
    )
    check_tls(region, store.url)
    override = region.get_endpoint("object-store")
    if override and override.rstrip("/") != store.url.rstrip("/"):
        raise Unfit(
            "its object_store_endpoint_override is not the address in the catalog,"
            " which the samples take",
            "leave it out of clouds.yaml",
        )
    if way == APPLICATION_CREDENTIAL:
        secret = auth["application_credential_secret"]
        secrets = {secret: "the application credential's secret"}
        own = _by_application_credential(access, secret)
    else:
        secrets = {auth["password"]: "the password"}
        own = _by_password(access, auth["password"])

    def renew() -> str:
        with _of(name):
            return keystone.renew().auth_token or ""

    secrets |= dict.fromkeys(proxy_secrets(), "the proxy's password")
    return Entry(
        name=name,
        url=store.url,
        token=access.auth_token or "",
        renew=renew,
        verify=str(ca) if ca else True,
        ca=ca,
        way=way,
        environment={
            "OS_AUTH_URL": keystone.url,
            **own,
            "OS_REGION_NAME": store.region,
            "OS_INTERFACE": store.interface,
            "OS_IDENTITY_API_VERSION": "3",
            **proxy_variables(),
        },
        secrets=secrets,
    )


def _by_password(access: AccessInfoV3, password: str) -> dict[str, str]:
    """The names are Keystone's own, whatever the entry says in their place."""
    found = {
        "OS_USERNAME": access.username,
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": access.project_name,
        "OS_USER_DOMAIN_NAME": access.user_domain_name,
        "OS_PROJECT_DOMAIN_NAME": access.project_domain_name,
        "OS_PROJECT_ID": access.project_id,
        "OS_PROJECT_DOMAIN_ID": access.project_domain_id,
    }
    return {name: value or "" for name, value in found.items()}


def _by_application_credential(access: AccessInfoV3, secret: str) -> dict[str, str]:
    """It may be named by its user and its name; samples need its id."""
    identity = access.application_credential_id
    if not identity:
        raise Unfit(
            "Keystone does not tell the id of its application credential",
            "give that as 'application_credential_id' in clouds.yaml",
        )
    return {
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_APPLICATION_CREDENTIAL_ID": identity,
        "OS_APPLICATION_CREDENTIAL_SECRET": secret,
    }
