"""Every SDK on a cloud of clouds.yaml, whatever its entry says of how to get in."""

from __future__ import annotations

import re
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from small import ROOT
from webserver import Answer, answering, passed_on

from livesteps.read.sdk import load_sdks
from livesteps_openstack.accounts import APPLICATION_CREDENTIAL, UNUSUAL
from livesteps_openstack.cloud import Cloud, Project, supported

DEADLINE = 600

pytestmark = pytest.mark.skipif(supported() is not None, reason=str(supported()))


@dataclass(frozen=True)
class Entry:
    """An entry: on which cloud, and what it says."""

    name: str
    tls: bool = False
    by: str = "name"
    """The user and the project are told by `name`, `id`, or `credential`."""
    ending: str = "/v3"
    """Of auth_url."""
    unusual: bool = False
    """Another domain, whose name is not ASCII, and the internal interface alone."""


ENTRIES = (
    Entry("as the cloud itself writes it, auth_url with a slash", ending="/"),
    Entry("TLS, by ids, another domain, internal", tls=True, by="id", unusual=True),
    Entry("TLS, by an application credential", tls=True, by="credential", ending=""),
    Entry("internal, another domain, slash after v3", ending="/v3/", unusual=True),
)
"""Together they have each spelling of auth_url, each way, and each of the rest."""


@pytest.fixture(scope="module")
def clouds() -> Iterator[dict[bool, Cloud]]:
    """A cloud without TLS and one with."""
    with Cloud() as plain, Cloud(tls=True) as secure:
        yield {False: plain, True: secure}


def written(entry: Entry, cloud: Cloud, project: Project) -> dict[str, Any]:
    """The entry as a person writes it."""
    auth: dict[str, str] = {
        "auth_url": project.auth_url.removesuffix("/v3") + entry.ending
    }
    found: dict[str, Any] = {"region_name": "RegionOne", "auth": auth}
    if entry.by == "credential":
        made = cloud.application_credential(project)
        found["auth_type"] = "v3applicationcredential"
        auth["application_credential_id"] = made.id
        auth["application_credential_secret"] = made.secret
    else:
        auth["password"] = project.password
        if entry.by == "id":
            auth |= {"user_id": project.user_id, "project_id": project.id}
        else:
            auth |= {
                "username": project.name,
                "project_name": project.name,
                "user_domain_name": project.domain_name,
                "project_domain_name": project.domain_name,
            }
    if project.interface:
        found["interface"] = project.interface
    if cloud.ca:
        found["cacert"] = str(cloud.ca)
    return found


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_sdk_passes(
    entry: Entry,
    clouds: dict[bool, Cloud],
    livesteps: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    cloud = clouds[entry.tls]
    unusual = UNUSUAL if entry.unusual else {}
    project = cloud.project(f"reader {ENTRIES.index(entry)}", **unusual)
    file = tmp_path / "clouds.yaml"
    file.write_text(
        yaml.safe_dump({"clouds": {"theirs": written(entry, cloud, project)}})
    )
    ran = livesteps(
        *(ROOT, "run", "--all", "--os-cloud", "theirs"),
        OS_CLIENT_CONFIG_FILE=str(file),
        within=DEADLINE,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = {line.split()[0]: line for line in ran.stdout.splitlines() if line.strip()}
    for sdk in load_sdks(ROOT / "samples").values():
        if sdk.recorded_only:
            continue
        way = sdk.ways[APPLICATION_CREDENTIAL]
        if entry.by == "credential" and way.reason:
            assert way.reason in rows[sdk.id]
        elif "is not installed" not in rows[sdk.id]:
            assert re.search(r" 17 of 17 .*passed", rows[sdk.id]), rows[sdk.id]


class _Relay(socketserver.ThreadingTCPServer):
    """Listens on `::1`, and passes all on to a port of 127.0.0.1."""

    address_family = socket.AF_INET6
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.behind = port
        super().__init__(("::1", 0), _Passing)


class _Passing(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Relay)
        with socket.create_connection(("127.0.0.1", server.behind)) as behind:
            back = threading.Thread(target=_pass, args=(behind, self.request))
            back.start()
            _pass(self.request, behind)
            back.join()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one side has gone


@contextmanager
def on_ipv6(url: str) -> Iterator[str]:
    """An address of IPv6 that leads to the server of another one."""
    parts = urlsplit(url)
    assert parts.port
    with _Relay(parts.port) as relay:
        thread = threading.Thread(target=relay.serve_forever)
        thread.start()
        try:
            yield f"{parts.scheme}://[::1]:{relay.server_address[1]}{parts.path}"
        finally:
            relay.shutdown()
            thread.join()


def test_an_ipv6_address_is_no_hindrance_or_the_reason_is_said(
    clouds: dict[bool, Cloud],
    livesteps: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    cloud = clouds[False]
    project = cloud.project("six")
    with on_ipv6(project.auth_url) as auth, on_ipv6(project.storage_url) as front:
        project = cloud.project("six", front=front)
        entry = written(Entry("six"), cloud, project)
        entry["auth"]["auth_url"] = auth
        file = tmp_path / "clouds.yaml"
        file.write_text(yaml.safe_dump({"clouds": {"six": entry}}))
        ran = livesteps(
            *(ROOT, "run", "openstacksdk", "libcloud", "--os-cloud", "six"),
            OS_CLIENT_CONFIG_FILE=str(file),
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = {line.split()[0]: line for line in ran.stdout.splitlines() if line.strip()}
    assert " 17 of 17 " in rows["openstacksdk"]
    assert load_sdks(ROOT / "samples")["libcloud"].cannot.ipv6 in rows["libcloud"]


def test_who_cannot_use_a_proxy_is_not_run_behind_one(
    clouds: dict[bool, Cloud],
    livesteps: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    cloud = clouds[False]
    project = cloud.project("proxied")
    entry = written(Entry("proxied"), cloud, project)
    address = project.auth_url.replace("127.0.0.1", "localhost")
    entry["auth"]["auth_url"] = address
    file = tmp_path / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {"proxied": entry}}))
    asked = []

    def proxy(method: str, path: str, headers: Message, body: bytes) -> Answer:
        asked.append(path)
        return passed_on(path, method, headers, body)

    with answering(proxy) as listening:
        ran = livesteps(
            *(ROOT, "run", "jclouds", "curl", "--os-cloud", "proxied"),
            OS_CLIENT_CONFIG_FILE=str(file),
            http_proxy=listening,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = {line.split()[0]: line for line in ran.stdout.splitlines() if line.strip()}
    assert " 17 of 17 " in rows["curl"]
    assert load_sdks(ROOT / "samples")["jclouds"].cannot.proxy in rows["jclouds"]
    # The runner's own, and curl's.
    assert len([path for path in asked if path == f"{address}/auth/tokens"]) > 1
