"""Whether the samples can connect as an entry of clouds.yaml says."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from livesteps.plugin import Problem
from livesteps_openstack.accounts import APPLICATION_CREDENTIAL

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

WAYS = {
    "password": "",
    "v3password": "",
    "v3applicationcredential": APPLICATION_CREDENTIAL,
}
"""The ways of the chapters, by what clouds.yaml calls them; "" is that of step 1."""


class Unfit(Problem):
    """Nothing is wrong with an entry, but no sample can run with it."""


def way_of(region: CloudRegion) -> str:
    """How samples connect, or why they do not."""
    kind = region.config["auth_type"]
    version = str(region.config.get("identity_api_version") or "3").lstrip("v")
    if version.startswith("2") or str(kind).startswith("v2"):
        raise Problem(
            "it asks for version 2 of Identity, which OpenStack has no more",
            "write 'identity_api_version: 3' in its entry in clouds.yaml",
        )
    if kind not in WAYS:
        raise Unfit(
            f"no sample connects by '{kind}', its auth_type",
            "give a user's name and password, or an application credential with"
            " 'auth_type: v3applicationcredential'",
        )
    given = {*region.config, *region.get_auth_args()}
    if not WAYS[kind] and any(key.startswith("application_cred") for key in given):
        raise Problem(
            "it has an application credential, and not the auth_type for that",
            "write 'auth_type: v3applicationcredential' beside 'auth'",
        )
    return WAYS[kind]


def check_auth(auth: Mapping[str, object], way: str) -> None:
    """Say what is missing that keystoneauth would not miss, or is too much."""
    user = "user_id" if auth.get("user_id") else "username"
    needed = ["auth_url"] if way else ["auth_url", user, "password"]
    if missing := [key for key in needed if not auth.get(key)]:
        raise Problem(
            f"it has no {', '.join(missing)}",
            "give what is missing under 'auth' in clouds.yaml or secure.yaml",
        )
    if auth.get("trust_id"):
        raise Unfit("no sample connects by a trust", "take 'trust_id' out")


def check_tls(region: CloudRegion, url: str) -> None:
    """`Unfit` if a sample cannot make a connection as the entry wants it."""
    if not url.lower().startswith("https:"):
        return
    verify, certificate = region.get_requests_verify_args()
    if verify is False:
        raise Unfit(
            "it asks for certificates not to be verified, and samples and livesteps"
            " always verify them",
            "give the file of its CA as 'cacert' in place of 'verify: false'",
        )
    if certificate:
        raise Unfit(
            "no sample shows a certificate of its own", "take 'cert' out, if you can"
        )


def ca_of(region: CloudRegion) -> Path | None:
    """The file of its CA's certificates, which can be read."""
    verify, _ = region.get_requests_verify_args()
    if not isinstance(verify, str):
        return None
    path = Path(verify).absolute()
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise Problem(
            f"no certificates can be read from {path}: {error.strerror or error}",
            "name a file of certificates in PEM as 'cacert'",
        ) from None
    return path
