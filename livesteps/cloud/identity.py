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

from livesteps.cloud.settings import REGION, Settings

APIS = provider_api.ProviderAPIs
DOMAIN = "default"
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
            for endpoint in service["endpoints"]:
                endpoint["url"] = urls[service["type"]]
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

    def make_project(self, name: str) -> dict[str, str]:
        """A new project with a user of the same name, who is a member of it."""
        project_id, password = uuid.uuid4().hex, secrets.token_urlsafe(16)
        APIS.resource_api.create_project(
            project_id,
            {
                "id": project_id,
                "name": name,
                "domain_id": DOMAIN,
                "description": "",
                "enabled": True,
            },
        )
        user = APIS.identity_api.create_user(
            {
                "name": name,
                "domain_id": DOMAIN,
                "password": password,
                "enabled": True,
                "default_project_id": project_id,
            }
        )
        hints = driver_hints.Hints()
        hints.add_filter("name", "member")
        (role,) = APIS.role_api.list_roles(hints)
        APIS.assignment_api.add_role_to_user_and_project(
            user["id"], project_id, role["id"]
        )
        return {
            "name": name,
            "id": project_id,
            "user_id": user["id"],
            "password": password,
        }


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
