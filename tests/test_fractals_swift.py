"""The Fractals app's Swift back end, before a Swift that has its troubles."""

from __future__ import annotations

import hashlib
import http.client
import io
import itertools
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fractals import settings, worker
from fractals.api import make_web
from fractals.app import App
from fractals.create import waiting
from fractals.draw import Parameters, draw
from fractals.errors import Changed, Missing, SettingsError, StorageError
from fractals.model import Fractal
from fractals.storage import checked
from fractals.worker import Worker

from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.contents import Contents

with warnings.catch_warnings():
    # WebOb, which this imports, still imports cgi.
    warnings.simplefilter("ignore", DeprecationWarning)
    from fractals.swift import SwiftStorage, sign_in

NUMBERS = itertools.count(1)
PNG = bytes(range(256)) * 1000
"""As good as a picture: it takes four pieces to send."""


class Handler(BaseHTTPRequestHandler):
    """Passes requests on to Swift, but for the troubles that are due."""

    protocol_version = "HTTP/1.1"
    server: Front

    def _answer(self) -> None:
        trouble = self.server.next_trouble()
        if trouble == "hang up at once":
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if trouble == "hang up":
            self.close_connection = True
            return
        if trouble in ("401", "503"):
            self.send_response(int(trouble))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if trouble == "store other bytes":
            body = body[::-1]
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if trouble == "give other bytes":
            content = content[::-1]
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if trouble == "break off":
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Front(ThreadingHTTPServer):
    """What stands before Swift. Each trouble is for one request, in their order."""

    daemon_threads = True
    upstream = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.troubles: list[str] = []
        self.always = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_trouble(self) -> str:
        return self.troubles.pop(0) if self.troubles else self.always


@pytest.fixture
def front() -> Iterator[Front]:
    with Front() as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), daemon=True
        )
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def project(cloud: Cloud, front: Front) -> Project:
    made = cloud.project(f"troubled-{next(NUMBERS)}", front=front.url)
    front.upstream = urlsplit(made.storage_url).netloc
    return made


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds between tries, which nobody waits for here."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


@pytest.fixture
def storage(project: Project, delays: list[float]) -> Iterator[SwiftStorage]:
    swift = sign_in(project.environment())
    yield SwiftStorage(swift, "fractals")
    swift.session.session.close()


@pytest.fixture
def fractal() -> Fractal:
    fractal = waiting(Parameters(kind="julia", cx=-0.8, cy=0.156))
    fractal.checksum = hashlib.md5(PNG, usedforsecurity=False).hexdigest()
    return fractal


def test_it_stores_lists_reads_and_deletes(
    storage: SwiftStorage, fractal: Fractal, contents: Contents
) -> None:
    storage.put(fractal, io.BytesIO(PNG))
    name = str(fractal.uuid)
    stored = contents.snapshot()["fractals"][name]
    assert (stored.size, stored.content_type) == (len(PNG), "image/png")
    assert stored.md5 == fractal.checksum
    assert contents.metadata("fractals", name) == {
        "uuid": name,
        "parameters": fractal.parameters,
        "created": fractal.created.isoformat(),
    }
    assert list(storage.names()) == [name]
    assert b"".join(storage.get(fractal.uuid)) == PNG
    storage.delete(fractal.uuid)
    storage.delete(fractal.uuid)
    assert list(storage.names()) == []
    with pytest.raises(Missing, match=name):
        next(storage.get(fractal.uuid))


@pytest.mark.parametrize("trouble", ["503", "hang up", "hang up at once"])
def test_a_request_is_sent_again(
    storage: SwiftStorage,
    fractal: Fractal,
    contents: Contents,
    front: Front,
    delays: list[float],
    trouble: str,
) -> None:
    front.troubles = [trouble] * 3
    storage.put(fractal, io.BytesIO(PNG))
    assert delays == [0.5, 1, 2]
    assert contents.snapshot()["fractals"][str(fractal.uuid)].md5 == fractal.checksum
    front.troubles = [trouble] * 3
    assert b"".join(storage.get(fractal.uuid)) == PNG
    assert delays == [0.5, 1, 2] * 2


@pytest.mark.parametrize("trouble", ["503", "hang up"])
def test_it_gives_up_after_some_tries(
    storage: SwiftStorage,
    fractal: Fractal,
    contents: Contents,
    front: Front,
    delays: list[float],
    trouble: str,
) -> None:
    front.always = trouble
    with pytest.raises(StorageError):
        storage.put(fractal, io.BytesIO(PNG))
    assert delays == [0.5, 1, 2, 4]
    assert contents.snapshot() == {"fractals": {}}


def test_a_download_that_breaks_off_goes_on_from_there(
    cloud: Cloud,
    storage: SwiftStorage,
    fractal: Fractal,
    front: Front,
    project: Project,
    delays: list[float],
) -> None:
    storage.put(fractal, io.BytesIO(PNG))
    cloud.exchanges(project)
    front.troubles = ["break off"] * 2
    assert b"".join(storage.get(fractal.uuid)) == PNG
    assert [each.status for each in cloud.exchanges(project)] == [200, 206, 206]
    assert delays == [0.5, 1]
    front.always = "break off"
    with pytest.raises(StorageError, match="Swift broke off"):
        b"".join(storage.get(fractal.uuid))


def test_an_expired_token_is_renewed_and_the_picture_sent_again(
    cloud: Cloud,
    storage: SwiftStorage,
    fractal: Fractal,
    contents: Contents,
    front: Front,
    project: Project,
) -> None:
    cloud.exchanges(project)
    front.troubles = ["401"]
    storage.put(fractal, io.BytesIO(PNG))
    asked = [(each.method, each.path) for each in cloud.exchanges(project)]
    assert ("POST", "/v3/auth/tokens") in asked
    assert contents.snapshot()["fractals"][str(fractal.uuid)].md5 == fractal.checksum


def test_other_bytes_than_were_sent_are_not_stored(
    storage: SwiftStorage, fractal: Fractal, front: Front
) -> None:
    front.troubles = ["store other bytes"]
    with pytest.raises(StorageError, match="other bytes than were sent"):
        storage.put(fractal, io.BytesIO(PNG))


def test_other_bytes_than_were_stored_are_seen(
    storage: SwiftStorage, fractal: Fractal, front: Front
) -> None:
    storage.put(fractal, io.BytesIO(PNG))
    front.troubles = ["give other bytes"]
    with pytest.raises(Changed, match="was stored with checksum"):
        b"".join(checked(storage.get(fractal.uuid), fractal, "swift"))


def test_a_wrong_password_is_told_at_the_start(project: Project) -> None:
    swift = sign_in({**project.environment(), "OS_PASSWORD": "wrong"})
    with pytest.raises(SettingsError) as raised:
        SwiftStorage(swift, "fractals")
    assert "FRACTALS_STORAGE=swift" in str(raised.value)
    assert "HTTP 401" in str(raised.value)
    assert "wrong" not in str(raised.value)
    swift.session.session.close()


def test_an_application_credential_will_do() -> None:
    environment = {
        "OS_AUTH_URL": "http://127.0.0.1:9/v3",
        "OS_APPLICATION_CREDENTIAL_ID": "some",
    }
    with pytest.raises(SettingsError, match="OS_APPLICATION_CREDENTIAL_SECRET missing"):
        sign_in(environment)
    assert sign_in({**environment, "OS_APPLICATION_CREDENTIAL_SECRET": "secret"})


def test_while_swift_is_away_a_picture_waits_and_is_stored_later(
    project: Project,
    front: Front,
    contents: Contents,
    delays: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "AGAIN", worker.AGAIN * 0)
    for name, value in project.environment().items():
        monkeypatch.setenv(name, value)
    app = App(
        settings.load(
            {
                "FRACTALS_DATABASE_URL": f"sqlite:///{tmp_path}/fractals.db",
                "FRACTALS_STORAGE": "swift",
            }
        )
    )
    app.database.upgrade()
    web = make_web(app).test_client()
    drawing = Worker(app)

    uuid = web.post("/v1/fractal", json={"width": 32, "height": 24}).json["uuid"]
    front.always = "hang up"
    assert drawing.step()
    told = web.get(f"/v1/fractal/{uuid}").json
    assert told["storage"] is None
    assert "Unable to establish connection" in told["error"]
    front.always = ""
    assert drawing.step()
    told = web.get(f"/v1/fractal/{uuid}").json
    assert (told["storage"], told["error"]) == ("swift", None)
    assert contents.snapshot()["fractals-pictures"][uuid].md5 == told["checksum"]
    picture = draw(Parameters(width=32, height=24))
    assert web.get(f"/fractal/{uuid}").data == picture

    front.always = "503"
    away = web.get(f"/fractal/{uuid}")
    assert away.status_code == 503
    assert "HTTP 503" in away.json["error"]
    assert web.delete(f"/v1/fractal/{uuid}").status_code == 503
    front.always = ""
    assert web.delete(f"/v1/fractal/{uuid}").status_code == 204
    assert contents.snapshot() == {"fractals-pictures": {}}
    app.database.engine.dispose()
