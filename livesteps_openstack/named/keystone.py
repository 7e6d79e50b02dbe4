"""Keystone, asked for a token as an entry of clouds.yaml says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from livesteps.plugin import Problem
from livesteps_openstack.session import Session, unreachable

if TYPE_CHECKING:
    from keystoneauth1.access import AccessInfoV3
    from keystoneauth1.exceptions import HttpError
    from openstack.config.cloud_region import CloudRegion

PATIENCE = 20.0
"""Seconds that Keystone may take for an answer, where the entry says nothing."""


class Keystone:
    """The Identity of a cloud, for the user of an entry.

    Its methods, and the making of it, raise `Problem`.
    """

    url: str
    """It ends with `/v3`."""

    def __init__(self, region: CloudRegion) -> None:
        from keystoneauth1 import identity
        from keystoneauth1.session import Session as KeystoneSession

        given = region.get_auth_args()
        verify, certificate = region.get_requests_verify_args()
        self._project = given.get("project_name") or given.get("project_id")
        auth: Any = region.get_auth()
        self._session = KeystoneSession(
            session=_Asking(distant=True),
            verify=True if verify is None else verify,
            cert=certificate,
            timeout=_patience(region),
        )
        self.url = auth.auth_url = self._versioned(auth)
        if isinstance(auth, identity.Password):
            # What works is what samples get, and no link that Keystone gives.
            auth = auth.create_plugin(self._session, (3, 0), self.url)
        self._plugin = auth

    def access(self) -> AccessInfoV3:
        """What Keystone says of the user, with the catalog."""
        from keystoneauth1 import exceptions

        try:
            access: AccessInfoV3 = self._plugin.get_access(self._session)
            _ = access.user_domain_name, access.project_domain_name
        except exceptions.Unauthorized as error:
            raise self._refusal(error) from None
        except exceptions.MissingAuthMethods:
            raise Problem(
                f"Keystone at {self.url} wants one more factor of this user",
                "make an application credential, and give that in clouds.yaml",
            ) from None
        except exceptions.HttpError as error:
            raise self._failure(error) from None
        except (exceptions.ClientException, LookupError, TypeError, ValueError):
            raise Problem(
                f"what answers at {self.url} is no Keystone",
                "see that auth_url is the address of Identity",
            ) from None
        return access

    def renew(self) -> AccessInfoV3:
        """The same, with another token."""
        self._plugin.invalidate()
        return self.access()

    def _versioned(self, auth: Any) -> str:
        """The address of version 3, which clients append their paths to."""
        given: str = auth.auth_url.rstrip("/")
        if not _is_address(given):
            raise Problem(
                "its auth_url is not the address of a server",
                "write it as in https://cloud.example:5000/v3",
            )
        if given.endswith("/v3"):
            return given
        below = f"{given}/v3"
        if self._discovered(auth, below):
            return below
        return self._discovered(auth, given) or below

    def _discovered(self, auth: Any, url: str) -> str:
        """Where version 3 is, as Keystone says there; nothing if it says nothing."""
        from keystoneauth1.exceptions import ClientException

        try:
            found = auth.get_discovery(self._session, url, authenticated=False)
            return (found.url_for((3, 0)) or "").rstrip("/")
        except (ClientException, LookupError, TypeError, ValueError):
            return ""

    def _refusal(self, error: HttpError) -> Problem:
        """Why it gave no token."""
        from keystoneauth1 import exceptions, identity
        from keystoneauth1.identity import v3

        where = f"Keystone at {self.url}"
        if isinstance(self._plugin, identity.V3ApplicationCredential):
            return Problem(
                f"{where} refuses the application credential: it is wrong,"
                " or deleted, or has expired",
                "make another, and give its id and secret in clouds.yaml",
            )
        anywhere = v3.Auth(self.url, self._plugin.auth_methods, unscoped=True)
        try:
            anywhere.get_access(self._session)
        except exceptions.ClientException:
            return Problem(
                f"{where} refuses the user's name or password: {error}",
                "mend these, or the user's domain, in clouds.yaml",
            )
        return Problem(
            f"{where} gives this user no access to the project '{self._project}'",
            "ask for a role in it, or name another in clouds.yaml",
        )

    def _failure(self, error: HttpError) -> Problem:
        """Why it gave an error."""
        answer = f"Keystone at {self.url} answers: {' '.join(str(error).split())[:200]}"
        match error.http_status:
            case 400:
                return Problem(
                    answer, "give names, or ids, with those of their domains"
                )
            case 404:
                return Problem(answer, "see that auth_url is the address of Identity")
            case status if status >= 500:
                return Problem(answer, "try again later, or ask who runs it")
        return Problem(answer, "ask who runs it whether you may use it")


def _patience(region: CloudRegion) -> float:
    given = region.config.get("api_timeout") or PATIENCE
    try:
        return float(given)
    except ValueError:
        raise Problem(
            f"its api_timeout '{given}' is no number", "give it in seconds"
        ) from None


def _is_address(url: str) -> bool:
    """Whether it names a server."""
    try:
        split = urlsplit(url)
        _ = split.port
    except ValueError:
        return False
    return split.scheme in ("http", "https") and bool(split.hostname)


class _Asking(Session):
    """Says itself why there is no answer: keystoneauth would go on nevertheless."""

    def request(self, *arguments: Any, **named: Any) -> requests.Response:
        try:
            return super().request(*arguments, **named)
        except requests.RequestException as error:
            raise unreachable(error) from None
