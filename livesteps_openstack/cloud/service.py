"""The running cloud: its listeners, two for each project, and its commands."""

from __future__ import annotations

import json
import socket
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

import eventlet
import eventlet.wsgi
from eventlet.greenio import GreenPipe
from swift.common.http_protocol import SwiftHttpProtocol

from livesteps.read.exchange import Exchange
from livesteps_openstack.cloud import certificate, storage
from livesteps_openstack.cloud.folder import CloudError, Kept
from livesteps_openstack.cloud.identity import Identity
from livesteps_openstack.cloud.reader import Reader
from livesteps_openstack.cloud.requestlog import RequestLog
from livesteps_openstack.cloud.settings import HOST, PATIENCE, Settings, urls

BACKLOG = 4096
CLIENTS = 10_000


class Service:
    """Keystone and Swift, listening.

    Raises `CloudError` where a port that was kept is taken.
    """

    def __init__(self, state: Path, temporary: bool, tls: bool) -> None:
        self._certificate = str(state / certificate.SERVER) if tls else ""
        self._scheme = "https" if tls else "http"
        self._kept = kept = Kept(state)
        identity, main = _listen(kept.identity_port), _listen(kept.storage_port)
        listeners = {name: _listen() for name in ("account", "container", "object")}
        kept.identity_port, kept.storage_port = _port(identity), _port(main)
        self._settings = settings = Settings(
            state=state,
            temporary=temporary,
            identity_port=kept.identity_port,
            storage_port=kept.storage_port,
            account_port=_port(listeners["account"]),
            container_port=_port(listeners["container"]),
            object_port=_port(listeners["object"]),
            admin_password=kept.admin_password,
        )
        settings.write()
        storage.prepare(settings)
        self._identity = Identity(settings, kept.new)
        self._proxy = storage.proxy(settings)
        backends = storage.backends(settings)
        for name, app in backends.items():
            _serve(listeners[name], app)
        _serve(identity, self._identity.app)
        _serve(main, self._proxy)
        self._reader = Reader(settings, backends)
        self._exchanges: dict[str, list[Exchange]] = {}
        for project in kept.projects:
            self._open(project)
        kept.save()

    def serve(self, control: int, answers: int) -> None:
        """Say that all is ready, then answer commands until there are no more."""
        with GreenPipe(control, "r") as commands, GreenPipe(answers, "w") as out:

            def tell(answer: object) -> None:
                out.write(json.dumps(answer) + "\n")
                out.flush()

            versions = {name: metadata.version(name) for name in ("swift", "keystone")}
            password = self._kept.admin_password
            more = {"versions": versions, "admin_password": password}
            tell({"done": urls(vars(self._kept)) | more})
            for line in commands:
                tell(self._answer(json.loads(line)))

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"done": getattr(self, "do_" + command.pop("do"))(**command)}
        except CloudError as error:
            return {"error": {"what": error.what, "todo": error.todo}}
        except Exception as error:
            traceback.print_exc()
            return {"error": {"what": f"the cloud failed: {error!r}"}}

    def do_project(
        self, name: str, front: str | None, domain: str, interface: str
    ) -> dict[str, Any]:
        """The project of this name, made if there is none."""
        project = next((p for p in self._kept.projects if p["name"] == name), None)
        if project is None:
            project = self._identity.make_project(name, domain)
            project["interface"] = interface
            self._open(project)
            self._kept.projects.append(project)
            self._kept.save()
        if front:
            self._identity.catalog.own[project["id"]]["storage_url"] = front
        return self._shown(project)

    def do_credential(self, project: str) -> dict[str, str]:
        """A new application credential of the project's user."""
        (found,) = (each for each in self._kept.projects if each["id"] == project)
        return self._identity.make_credential(found["user_id"], project)

    def do_exchanges(self, project: str) -> list[dict[str, Any]]:
        """The exchanges since the last call."""
        exchanges = self._exchanges[project]
        taken = exchanges[:]
        del exchanges[: len(taken)]
        return [vars(each) for each in taken]

    def do_read(self, method: str, path: str) -> dict[str, Any]:
        """The answer to a GET or HEAD that no record shows; its body is text."""
        answer = self._reader.ask(method, path)
        return {
            "status": answer.status_int,
            "headers": {name.lower(): value for name, value in answer.headers.items()},
            "body": answer.body.decode(),
        }

    def do_replicate(self) -> None:
        storage.replicate(self._settings)

    def do_audit(self) -> None:
        storage.audit(self._settings)

    def _open(self, project: dict[str, Any]) -> None:
        """Listen for one project, at its kept ports if it has any."""
        identity = _listen(project.get("identity_port", 0))
        main = _listen(project.get("storage_port", 0))
        project["identity_port"], project["storage_port"] = _port(identity), _port(main)
        self._identity.catalog.own[project["id"]] = {
            **urls(project, self._scheme),
            "interface": project.get("interface", ""),
        }
        exchanges: list[Exchange] = []
        self._exchanges[project["id"]] = exchanges
        _serve(
            self._secured(identity),
            RequestLog(self._identity.app, "identity", exchanges),
        )
        _serve(self._secured(main), RequestLog(self._proxy, "object-store", exchanges))

    def _secured(self, listener: socket.socket) -> socket.socket:
        """The listener, with TLS if that is wanted."""
        if not self._certificate:
            return listener
        secured: socket.socket = eventlet.wrap_ssl(
            listener, certfile=self._certificate, server_side=True
        )
        return secured

    def _shown(self, project: dict[str, Any]) -> dict[str, Any]:
        keys = ("name", "id", "user_id", "password", "domain_id", "domain_name")
        return {
            # A state folder of an older version has no domain in it.
            **{key: project[key] for key in (*keys, "interface") if key in project},
            **urls(project, self._scheme),
        }


def _listen(port: int = 0) -> socket.socket:
    """Listen on loopback, at a port that the kernel chooses if it is 0."""
    try:
        listener: socket.socket = eventlet.listen((HOST, port), backlog=BACKLOG)
    except OSError as error:
        raise CloudError(
            f"port {port}, which this state folder keeps, cannot be used:"
            f" {error.strerror}",
            "stop what listens there, or start from an empty state folder",
        ) from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _serve(listener: socket.socket, app: Any) -> None:
    eventlet.spawn(
        eventlet.wsgi.server,
        listener,
        app,
        log_output=False,
        protocol=SwiftHttpProtocol,
        custom_pool=eventlet.GreenPool(CLIENTS),
        socket_timeout=PATIENCE,
        capitalize_response_headers=False,
    )
