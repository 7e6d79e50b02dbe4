"""Every SDK on a cloud of clouds.yaml, whatever its entry says of how to get in.

However an entry is spelled, a program is told the same as on a cloud of ours. The
gate runs every SDK there: by a password, and by an application credential over TLS.
What it does not take, a password over TLS, all of them take here.
"""

from __future__ import annotations

import re
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
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

from livesteps.read.guide import load_guide
from livesteps.read.sdk import SDK
from livesteps.run.backend import Backend
from livesteps_openstack.accounts import APPLICATION_CREDENTIAL, UNUSUAL
from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.cloud.project import Credential
from livesteps_openstack.servers.clouds_yaml import CloudsYaml

pytestmark = [  # of parts of openstacksdk unused here
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated"),
    pytest.mark.filterwarnings("ignore:Support for InfluxDB"),
]

GUIDE = load_guide(ROOT / "samples" / "guide.toml")
SDKS = {sdk.id: sdk for sdk in GUIDE.sdks.values() if not sdk.recorded_only}


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
SAFE = ENTRIES[1]
"""As the gate runs nothing."""


@pytest.fixture(scope="module")
def clouds(cloud: Cloud) -> Iterator[dict[bool, Cloud]]:
    """A cloud without TLS and one with."""
    with Cloud(tls=True) as secure:
        yield {False: cloud, True: secure}


Write = Callable[[dict[str, Any]], None]
Reported = Callable[..., dict[str, str]]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write an entry, `theirs`, into the caller's clouds.yaml."""
    file = tmp_path / "clouds.yaml"
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    return lambda entry: (
        file.write_text(yaml.safe_dump({"clouds": {"theirs": entry}})) and None
    )


@pytest.fixture
def reported(
    livesteps_here: Callable[..., subprocess.CompletedProcess[str]],
) -> Reported:
    """Run SDKs on `theirs`; what is printed of each, by its name."""

    def run(*sdks: str) -> dict[str, str]:
        ran = livesteps_here(ROOT, "run", *sdks, "--os-cloud", "theirs")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        lines = [line for line in ran.stdout.splitlines() if line.strip()]
        return {line.split()[0]: line for line in lines}

    return run


def project_of(entry: Entry, cloud: Cloud, name: str) -> Project:
    """A project for an entry."""
    return cloud.project(name, **(UNUSUAL if entry.unusual else {}))


def written(
    entry: Entry, cloud: Cloud, project: Project, credential: Credential | None = None
) -> dict[str, Any]:
    """The entry as a person writes it."""
    auth: dict[str, str] = {
        "auth_url": project.auth_url.removesuffix("/v3") + entry.ending
    }
    found: dict[str, Any] = {"region_name": "RegionOne", "auth": auth}
    if credential:
        found["auth_type"] = "v3applicationcredential"
        auth["application_credential_id"] = credential.id
        auth["application_credential_secret"] = credential.secret
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
def test_programs_are_told_the_same_as_on_a_cloud_of_ours(
    entry: Entry,
    clouds: dict[bool, Cloud],
    borrowed: Backend,
    write: Write,
    reported: Reported,
) -> None:
    cloud = clouds[entry.tls]
    project = project_of(entry, cloud, f"reader {ENTRIES.index(entry)}")
    credential = None
    if entry.by == "credential":
        credential = cloud.application_credential(project)
    write(written(entry, cloud, project, credential))
    server = CloudsYaml(GUIDE, named="theirs")
    with Backend(GUIDE, server) as backend:
        account = backend.account(None, GUIDE.chapters["durability"])
        account.close()
        assert account.environment == project.environment(credential)
        assert server.way == (APPLICATION_CREDENTIAL if credential else "")
        assert contents(account.ca) == contents(cloud.ca)
        assert account.ca is None or account.ca.with_suffix(".p12").is_file()

    if entry is SAFE:  # which all of them run on
        return
    reasons = reasons_of(SDKS.values()) if credential else {}
    rows = reported("curl", *reasons)
    check("curl", rows)
    for sdk, reason in reasons.items():
        assert reason in rows[sdk]


def contents(ca: Path | None) -> str:
    """The certificates of a file, if there is one."""
    return ca.read_text().strip() if ca else ""


def reasons_of(sdks: Iterable[SDK]) -> dict[str, str]:
    """Why SDKs do not connect by an application credential, of those that do not."""
    reasons = {sdk.id: sdk.ways[APPLICATION_CREDENTIAL].reason for sdk in sdks}
    return {sdk: reason for sdk, reason in reasons.items() if reason}


def check(sdk: str, rows: dict[str, str]) -> None:
    """It passed, or is not here."""
    if "is not installed" not in rows[sdk]:
        assert re.search(r" 17 of 17 .*passed", rows[sdk]), rows[sdk]


@pytest.mark.parametrize("sdk", SDKS)
def test_every_sdk_passes_by_a_password_over_tls(
    sdk: str, clouds: dict[bool, Cloud], write: Write, reported: Reported
) -> None:
    cloud = clouds[SAFE.tls]
    write(written(SAFE, cloud, project_of(SAFE, cloud, f"reader of {sdk}")))
    check(sdk, reported(sdk))


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
    cloud: Cloud, write: Write, reported: Reported
) -> None:
    project = cloud.project("six")
    with on_ipv6(project.auth_url) as auth, on_ipv6(project.storage_url) as front:
        project = cloud.project("six", front=front)
        entry = written(Entry("six"), cloud, project)
        entry["auth"]["auth_url"] = auth
        write(entry)
        rows = reported("openstacksdk", "libcloud")
    assert " 17 of 17 " in rows["openstacksdk"]
    assert SDKS["libcloud"].cannot.ipv6 in rows["libcloud"]


def test_who_cannot_use_a_proxy_is_not_run_behind_one(
    cloud: Cloud, write: Write, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = cloud.project("proxied")
    entry = written(Entry("proxied"), cloud, project)
    address = project.auth_url.replace("127.0.0.1", "localhost")
    entry["auth"]["auth_url"] = address
    write(entry)
    asked = []

    def proxy(method: str, path: str, headers: Message, body: bytes) -> Answer:
        asked.append(path)
        return passed_on(path, method, headers, body)

    with answering(proxy) as listening:
        monkeypatch.setenv("http_proxy", listening)
        rows = reported("jclouds", "curl")
    assert " 17 of 17 " in rows["curl"]
    assert SDKS["jclouds"].cannot.proxy in rows["jclouds"]
    # The runner's own, and curl's.
    assert len([path for path in asked if path == f"{address}/auth/tokens"]) > 1
