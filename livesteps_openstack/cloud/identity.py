"""Keystone in this process: its application, its first content, and projects."""

from __future__ import annotations

import logging.config
import secrets
import sys
import uuid
from typing import Any

import keystone.server
from keystone.catalog.backends import sql
from keystone.common import driver_hints, provider_api
from keystone.server import backends
from keystone.server.flask import application, core
from oslo_config import cfg

from livesteps_openstack.cloud.settings import REGION, Settings

APIS = provider_api.ProviderAPIs
DOMAIN = {"id": "default", "name": "Default"}
NOWHERE = "http://127.0.0.1:9"
"""An address where nothing listens: RFC 863's port, which no machine serves."""
LOG = logging.getLogger("keystone")


class Catalog(sql.Catalog):
    """The catalog in which each project sees the listeners that are its own."""

    def __init__(self) -> None:
        super().__init__()
        self.own: dict[str, dict[str, str]] = {}
        """What `urls` gives, by the project's id."""

    def get_v3_catalog(self, user_id: str, project_id: str | None) -> Any:
        catalog = super().get_v3_catalog(user_id, project_id)
        own = self.own.get(project_id or "")
        if own is None:
            return catalog
        urls = {
            "identity": own["auth_url"],
            "object-store": f"{own['storage_url']}/v1/AUTH_{project_id}",
        }
        for service in catalog:
            if own["interface"]:
                service["name"] = "our " + service["name"]
            for endpoint in service["endpoints"]:
                good = own["interface"] in ("", endpoint["interface"])
                endpoint["url"] = urls[service["type"]] if good else NOWHERE
        return catalog


class Identity:
    """The running Keystone."""

    def __init__(self, settings: Settings, new: bool) -> None:
        """Load Keystone; if `new`, make its schema and first content too."""
        # Read the one file, and nothing of the machine or the command line.
        cfg.find_config_dirs = lambda *_, **__: []
        sys.argv[1:] = []
        keystone.server.configure(
            config_files=[str(settings.keystone_dir / "keystone.conf")]
        )
        if new:
            _make_content(settings)
        else:
            backends.load_backends()
        self.catalog = Catalog()
        APIS.catalog_api.driver = self.catalog
        self._app = core.setup_app_middleware(application.application_factory())

    def app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The WSGI application, with a traceback in the log for every 500."""
        try:
            return self._app(environ, start_response)
        except Exception:
            LOG.exception("%(REQUEST_METHOD)s %(PATH_INFO)s", environ)
            raise

    def make_project(self, name: str, domain: str) -> dict[str, str]:
        """A new project with a user of the same name, who is a member of it.

        A domain of the name `domain` is made if there is none.
        """
        project_id, password = uuid.uuid4().hex, secrets.token_urlsafe(16)
        domain_id = _domain(domain)
        APIS.resource_api.create_project(
            project_id,
            {
                "id": project_id,
                "name": name,
                "domain_id": domain_id,
                "description": "",
                "enabled": True,
            },
        )
        user = APIS.identity_api.create_user(
            {
                "name": name,
                "domain_id": domain_id,
                "password": password,
                "enabled": True,
                "default_project_id": project_id,
            }
        )
        APIS.assignment_api.add_role_to_user_and_project(
            user["id"], project_id, _member()
        )
        return {
            "name": name,
            "id": project_id,
            "user_id": user["id"],
            "password": password,
            "domain_id": domain_id,
            "domain_name": domain,
        }

    def make_credential(self, user_id: str, project_id: str) -> dict[str, str]:
        """A new application credential of a project's user."""
        made = {"id": uuid.uuid4().hex, "secret": secrets.token_urlsafe(32)}
        APIS.application_credential_api.create_application_credential(
            {
                **made,
                "name": made["id"],
                "user_id": user_id,
                "project_id": project_id,
                "roles": [{"id": _member()}],
                "unrestricted": False,
                "expires_at": None,
            }
        )
        return made


def _member() -> str:
    """The id of the role that every user has in the own project."""
    hints = driver_hints.Hints()
    hints.add_filter("name", "member")
    (role,) = APIS.role_api.list_roles(hints)
    found: str = role["id"]
    return found


def _domain(name: str) -> str:
    """The id of a domain, which is made if there is none of this name."""
    if name == DOMAIN["name"]:
        return DOMAIN["id"]
    hints = driver_hints.Hints()
    hints.add_filter("name", name)
    for domain in APIS.resource_api.list_domains(hints):
        there: str = domain["id"]
        return there
    made = uuid.uuid4().hex
    APIS.resource_api.create_domain(
        made, {"id": made, "name": name, "description": "", "enabled": True}
    )
    return made


def _make_content(settings: Settings) -> None:
    """The schema, then the admin, the roles and the catalog."""
    from keystone.cmd.bootstrap import Bootstrapper
    from keystone.common.sql import upgrades

    # Alembic's environment would switch off every logger that is there.
    logging.config.fileConfig = lambda *_, **__: None
    upgrades.offline_sync_database_to_version()
    bootstrap = Bootstrapper()
    bootstrap.admin_username = bootstrap.project_name = "admin"
    bootstrap.admin_role_name = "admin"
    bootstrap.admin_password = settings.admin_password
    bootstrap.region_id = REGION
    bootstrap.service_name = "keystone"
    bootstrap.public_url = settings.auth_url
    bootstrap.internal_url = bootstrap.admin_url = settings.auth_url
    bootstrap.bootstrap()
    _add_service("object-store", f"{settings.storage_url}/v1/AUTH_$(project_id)s")


def _add_service(kind: str, url: str) -> None:
    service_id = uuid.uuid4().hex
    APIS.catalog_api.create_service(
        service_id, {"id": service_id, "type": kind, "name": "swift", "enabled": True}
    )
    for interface in ("public", "internal", "admin"):
        endpoint_id = uuid.uuid4().hex
        APIS.catalog_api.create_endpoint(
            endpoint_id,
            {
                "id": endpoint_id,
                "interface": interface,
                "url": url,
                "service_id": service_id,
                "region_id": REGION,
                "enabled": True,
            },
        )
