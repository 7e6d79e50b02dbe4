"""A project of a cloud: what a client needs to know to use it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Credential:
    """An application credential of a project's user."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Project:
    """A project, its one user (of the same name), and its own listeners."""

    name: str
    id: str
    user_id: str
    password: str = field(repr=False)
    auth_url: str
    """Keystone for this project alone; ends with `/v3`."""
    storage_url: str
    """Swift for this project alone: scheme, host and port."""
    main_auth_url: str = field(repr=False)
    main_storage_url: str = field(repr=False)
    domain_id: str = "default"
    domain_name: str = "Default"
    """Of the project and of its user."""
    interface: str = ""
    """The only one whose addresses in the catalog are good; all, if it is empty.
    Where it is given, the services have other names than usual."""

    def environment(self, credential: Credential | None = None) -> dict[str, str]:
        """The `OS_*` variables that OpenStack's clients read, as the files have
        them that Horizon gives out: by password, or with a `credential` by that."""
        if credential:
            who = {
                "OS_AUTH_TYPE": "v3applicationcredential",
                "OS_APPLICATION_CREDENTIAL_ID": credential.id,
                "OS_APPLICATION_CREDENTIAL_SECRET": credential.secret,
            }
        else:
            who = {
                "OS_USERNAME": self.name,
                "OS_PASSWORD": self.password,
                "OS_PROJECT_NAME": self.name,
                "OS_PROJECT_ID": self.id,
                "OS_USER_DOMAIN_NAME": self.domain_name,
                "OS_PROJECT_DOMAIN_NAME": self.domain_name,
                "OS_PROJECT_DOMAIN_ID": self.domain_id,
            }
        return {
            "OS_AUTH_URL": self.auth_url,
            **who,
            "OS_REGION_NAME": "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_INTERFACE": self.interface or "public",
        }

    def token(self) -> tuple[str, str]:
        """A token and the account's URL, for requests that are not recorded.

        Both are of the cloud's main listeners. Raises `OSError` where the cloud
        has ended.
        """
        domain = {"id": self.domain_id}
        user = {"name": self.name, "domain": domain, "password": self.password}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": self.name, "domain": domain}},
            }
        }
        url = urlsplit(self.main_auth_url)
        # Without urllib, which might take a proxy from the environment.
        connection = http.client.HTTPConnection(url.netloc, timeout=60)
        try:
            connection.request(
                "POST",
                f"{url.path}/auth/tokens",
                json.dumps(body),
                {"Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            answer.read()
            token = answer.getheader("X-Subject-Token")
        finally:
            connection.close()
        if token is None:
            raise OSError(f"Keystone gave no token: {answer.status} {answer.reason}")
        return token, f"{self.main_storage_url}/v1/AUTH_{self.id}"
