"""The cloud as its users see it: what it leaves, refuses, serves and records."""

from __future__ import annotations

import errno
import hashlib
import hmac
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import requests
import yaml
from botocore.config import Config

from livesteps_openstack.cloud import Cloud, CloudError, Project, serve, supported
from livesteps_openstack.cloud.cache import MemoryCache

with warnings.catch_warnings():
    # WebOb, which this imports, still imports cgi.
    warnings.simplefilter("ignore", DeprecationWarning)
    from keystoneauth1 import session
    from keystoneauth1.identity import v3

DEADLINE = 60.0

pytestmark = pytest.mark.skipif(supported() is not None, reason=str(supported()))


class Contents:
    """A project's account over plain HTTP, through the project's own listener."""

    def __init__(self, project: Project) -> None:
        token, _ = project.token()
        self.url = f"{project.storage_url}/v1/AUTH_{project.id}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-Auth-Token"] = token

    def __call__(
        self, method: str, path: str = "", **arguments: Any
    ) -> requests.Response:
        answer = self.session.request(
            method, self.url + path, timeout=DEADLINE, **arguments
        )
        answer.raise_for_status()
        return answer


@pytest.fixture
def project(cloud: Cloud, request: pytest.FixtureRequest) -> Project:
    return cloud.project(request.node.name)


@pytest.fixture
def contents(project: Project) -> Iterator[Contents]:
    contents = Contents(project)
    with contents.session:
        yield contents


def wait_until_ended(pid: int) -> None:
    """Wait for the end of a process that need not be a child of this one."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], DEADLINE)
    finally:
        os.close(descriptor)
    assert ended, f"process {pid} still runs after {DEADLINE:g} s"


def port_of(url: str) -> int:
    return int(url.removesuffix("/v3").rpartition(":")[2])


def refuses(url: str) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port_of(url))) == errno.ECONNREFUSED


# What it leaves


def test_clouds_run_side_by_side_and_leave_nothing(cloud: Cloud) -> None:
    with Cloud() as second:
        project = second.project("here")
        urls = [second.auth_url, second.storage_url]
        urls += [project.auth_url, project.storage_url]
        assert len({*urls, cloud.auth_url, cloud.storage_url}) == 6
        assert project.token()
        assert cloud.project("there").token()
    assert not psutil.pid_exists(second.pid)
    assert not second.state.exists()
    assert all(refuses(url) for url in urls)
    assert not refuses(cloud.auth_url)


def test_killed_parent_leaves_nothing() -> None:
    program = """
        import sys
        from livesteps_openstack.cloud import Cloud
        with Cloud() as cloud:
            project = cloud.project("demo")
            print(cloud.pid, cloud.state, project.storage_url, flush=True)
            sys.stdin.read()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid, state, url = parent.stdout.readline().split()
        parent.kill()
    wait_until_ended(int(pid))
    assert not Path(state).exists()
    assert refuses(url)


def test_start_that_takes_too_long_is_given_up_and_leaves_nothing() -> None:
    cloud = Cloud(deadline=0.3)
    with pytest.raises(CloudError, match=r"no answer in 0\.3 s"), cloud:
        cloud.project("demo")
    assert not psutil.pid_exists(cloud.pid)
    assert not cloud.state.exists()


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.8])
def test_end_of_input_while_starting_leaves_nothing(
    tmp_path: Path, seconds: float
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    command = [
        sys.executable,
        "-m",
        "livesteps_openstack.cloud.server",
        state,
        "--temporary",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        # It says nothing yet: it still starts.
        assert select.select([child.stdout], [], [], seconds)[0] == []
        child.stdin.close()
        assert child.stdout.read() == b""
        assert child.wait(DEADLINE) == 0
    assert not state.exists()


def test_files_stay_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(temporary))
    with Cloud(tmp_path / "state") as cloud:
        project = cloud.project("demo")
        with psutil.Process(cloud.pid).oneshot():
            files = [f.path for f in psutil.Process(cloud.pid).open_files()]
        assert files
        assert all(Path(file).is_relative_to(cloud.state) for file in files)
        Contents(project)("PUT", "/c")
    assert list(home.iterdir()) == []
    assert list(temporary.iterdir()) == []


# What it keeps


def test_warm_start_keeps_data_ports_and_passwords(tmp_path: Path) -> None:
    state = tmp_path / "kept"
    with Cloud(state) as cloud:
        before = cloud.project("demo")
        main = cloud.auth_url, cloud.storage_url
        contents = Contents(before)
        contents("PUT", "/c")
        contents("PUT", "/c/o", data=b"kept")
    with Cloud(state) as cloud:
        assert (cloud.auth_url, cloud.storage_url) == main
        # The token is good too, and the listeners are there at once.
        assert contents("GET", "/c/o").content == b"kept"
        assert cloud.project("demo") == before
        assert Contents(before)("GET", "/c").text == "o\n"
        with (
            pytest.raises(CloudError, match=rf"in use by another .*pid {cloud.pid}"),
            Cloud(state) as other,
        ):
            other.project("demo")
    contents.session.close()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port_of(before.storage_url)))
        taken.listen()
        said = f"port {port_of(before.storage_url)}.*; stop what listens"
        with pytest.raises(CloudError, match=said), Cloud(state) as cloud:
            cloud.project("demo")


# What it refuses


def test_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "state", Path("/proc/state")):
        said = f"{path} cannot be written to.*choose"
        with pytest.raises(CloudError, match=said), Cloud(path):
            pass


def test_folder_that_configuration_files_cannot_name_is_refused(
    tmp_path: Path,
) -> None:
    said = r"has a '\$' in its path.*choose another"
    with pytest.raises(CloudError, match=said), Cloud(tmp_path / "a$b"):
        pass


def test_file_system_without_attributes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", refuse)
    said = r"no extended attributes.*"
    with (
        pytest.raises(CloudError, match=f"{said}choose another"),
        Cloud(tmp_path / "state"),
    ):
        pass
    with pytest.raises(CloudError, match=f"{said}set TMPDIR"), Cloud():
        pass


def test_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "cloud.json").write_text("{")
    said = r"did not start;(?s:.*)JSONDecodeError"
    with pytest.raises(CloudError, match=said), Cloud(tmp_path) as cloud:
        cloud.project("demo")


def test_cloud_that_died_says_so() -> None:
    with Cloud() as cloud:
        os.kill(cloud.pid, signal.SIGKILL)
        with pytest.raises(CloudError, match=r"has ended; .*last lines of its log"):
            cloud.project("demo")
    assert not cloud.state.exists()


def test_platform_without_swift_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert supported() == "Swift runs on Linux only"
    with pytest.raises(CloudError, match="Swift runs on Linux only"), Cloud():
        pass


# What it serves


def test_catalog_is_full_and_shows_the_projects_listeners(
    cloud: Cloud, project: Project
) -> None:
    env = project.environment()
    password = v3.Password(
        auth_url=env["OS_AUTH_URL"],
        username=env["OS_USERNAME"],
        password=env["OS_PASSWORD"],
        project_name=env["OS_PROJECT_NAME"],
        user_domain_name=env["OS_USER_DOMAIN_NAME"],
        project_domain_name=env["OS_PROJECT_DOMAIN_NAME"],
    )
    access = password.get_access(session.Session())
    for interface in ("public", "internal", "admin"):
        assert access.service_catalog.get_endpoints(interface=interface).keys() == {
            "identity",
            "object-store",
        }
        assert (
            access.service_catalog.url_for("identity", interface, "RegionOne")
            == project.auth_url
        )
        assert (
            access.service_catalog.url_for("object-store", interface, "RegionOne")
            == f"{project.storage_url}/v1/AUTH_{project.id}"
        )
    assert project.auth_url != cloud.auth_url


def test_s3_works_with_ec2_credentials(project: Project) -> None:
    token, _ = project.token()
    made = requests.post(
        f"{project.auth_url}/users/{project.user_id}/credentials/OS-EC2",
        json={"tenant_id": project.id},
        headers={"X-Auth-Token": token},
        timeout=DEADLINE,
    ).json()["credential"]
    s3 = boto3.client(
        "s3",
        endpoint_url=project.storage_url,
        region_name="us-east-1",
        aws_access_key_id=made["access"],
        aws_secret_access_key=made["secret"],
        config=Config(s3={"addressing_style": "path"}),
    )
    s3.create_bucket(Bucket="fractals")
    s3.upload_fileobj(
        io.BytesIO(b"bytes"), "fractals", "o", {"Metadata": {"made": "today"}}
    )
    got = s3.get_object(Bucket="fractals", Key="o")
    assert (got["Body"].read(), got["Metadata"]) == (b"bytes", {"made": "today"})
    assert [c["Key"] for c in s3.list_objects_v2(Bucket="fractals")["Contents"]] == [
        "o"
    ]
    s3.close()


def temporary_url(contents: Contents, path: str, key: str) -> str:
    path = contents.url[contents.url.index("/v1/") :] + path
    expires = int(time.time()) + 60
    signature = hmac.new(
        key.encode(), f"GET\n{expires}\n{path}".encode(), hashlib.sha256
    ).hexdigest()
    return (
        contents.url[: contents.url.index("/v1/")]
        + f"{path}?temp_url_sig={signature}&temp_url_expires={expires}"
    )


def test_temporary_url(contents: Contents) -> None:
    contents("PUT", "/c", headers={"X-Container-Meta-Temp-URL-Key": "secret"})
    contents("PUT", "/c/o", data=b"shared")
    url = temporary_url(contents, "/c/o", "secret")
    assert requests.get(url, timeout=DEADLINE).content == b"shared"
    assert requests.get(url[:-1], timeout=DEADLINE).status_code == 401


def test_large_objects(contents: Contents) -> None:
    contents("PUT", "/c")
    for name in ("/c/p/1", "/c/p/2", "/c/p/3"):
        contents("PUT", name, data=name[-1])
    contents("PUT", "/c/dynamic", headers={"X-Object-Manifest": "c/p/"})
    segments = [{"path": name} for name in ("/c/p/1", "/c/p/2", "/c/p/3")]
    contents("PUT", "/c/static?multipart-manifest=put", data=json.dumps(segments))
    assert contents("GET", "/c/dynamic").text == "123"
    assert contents("GET", "/c/static").text == "123"
    contents("DELETE", "/c/static?multipart-manifest=delete")
    assert contents("GET", "/c").text == "dynamic\n"


def test_symlink_copy_and_bulk_delete(contents: Contents) -> None:
    contents("PUT", "/c")
    contents("PUT", "/c/o", data=b"once")
    contents("PUT", "/c/link", headers={"X-Symlink-Target": "c/o"})
    contents("COPY", "/c/o", headers={"Destination": "c/copy"})
    assert contents("GET", "/c/link").text == contents("GET", "/c/copy").text == "once"
    done = contents(
        "POST",
        "?bulk-delete",
        data="c/o\nc/link\nc/copy\n",
        headers={"Content-Type": "text/plain", "Accept": "application/json"},
    ).json()
    assert (done["Number Deleted"], done["Errors"]) == (3, [])
    assert contents("GET", "/c").text == ""


def test_versions_are_kept(contents: Contents) -> None:
    contents("PUT", "/c", headers={"X-Versions-Enabled": "true"})
    contents("PUT", "/c/o", data=b"old")
    contents("PUT", "/c/o", data=b"new")
    versions = contents("GET", "/c?versions&format=json").json()
    assert [v["is_latest"] for v in versions] == [True, False]
    old = contents("GET", f"/c/o?version-id={versions[1]['version_id']}")
    assert old.content == b"old"


def test_static_site(contents: Contents) -> None:
    headers = {"X-Container-Read": ".r:*,.rlistings"}
    headers["X-Container-Meta-Web-Index"] = "index.html"
    contents("PUT", "/site", headers=headers)
    contents("PUT", "/site/index.html", data=b"<p>hello")
    page = requests.get(f"{contents.url}/site/", timeout=DEADLINE)
    assert page.content == b"<p>hello"


def test_discoverable_features(cloud: Cloud) -> None:
    features = requests.get(f"{cloud.storage_url}/info", timeout=DEADLINE).json()
    assert features["swift"]["version"] == cloud.versions["swift"]
    assert features["slo"]["min_segment_size"] == 1
    assert features.keys() >= {"s3api", "tempurl", "bulk_delete", "symlink"}


def test_client_may_ask_before_it_sends_and_keep_its_connection(
    project: Project, contents: Contents
) -> None:
    contents("PUT", "/c")
    path = f"/v1/AUTH_{project.id}/c/o"
    token = contents.session.headers["X-Auth-Token"]
    with (
        socket.create_connection(
            ("127.0.0.1", port_of(project.storage_url)), DEADLINE
        ) as client,
        client.makefile("rb") as answer,
    ):

        def ask(method: str, headers: str) -> bytes:
            text = f"{method} {path} HTTP/1.1\r\nHost: here\r\n{headers}"
            client.sendall(f"{text}X-Auth-Token: {token}\r\n\r\n".encode())
            return answer.readline()

        first = ask("PUT", "Expect: 100-continue\r\nContent-Length: 4\r\n")
        assert first == b"HTTP/1.1 100 Continue\r\n"
        assert answer.readline() == b"\r\n"
        client.sendall(b"body")
        assert answer.readline() == b"HTTP/1.1 201 Created\r\n"
        while answer.readline() != b"\r\n":
            pass
        assert ask("HEAD", "") == b"HTTP/1.1 200 OK\r\n"


def test_listing_shows_an_object_at_once(contents: Contents) -> None:
    contents("PUT", "/c")
    for number in range(20):
        contents("PUT", f"/c/{number:02}", data=b"x")
        assert contents("GET", "/c").text.splitlines()[-1] == f"{number:02}"


# What it records


def test_requests_are_recorded_for_their_project_alone(
    cloud: Cloud, project: Project, contents: Contents
) -> None:
    other = cloud.project("other")
    contents("PUT", "/c")
    contents(
        "PUT",
        "/c/an%20amazing%20goat",
        data=iter([b"ma", b"a"]),
        headers={"X-Object-Meta-Name": "Elsa", "Content-Type": "image/jpeg"},
    )
    contents("HEAD", "/c/an%20amazing%20goat")
    assert contents("GET", "/c/an%20amazing%20goat").content == b"maa"
    put, chunked, head, get = cloud.exchanges(project)
    assert put.path == f"/v1/AUTH_{project.id}/c"
    assert (put.service, put.method, put.status) == ("object-store", "PUT", 201)
    assert chunked.path.endswith("/an%20amazing%20goat")
    assert (chunked.sent, chunked.received) == (3, 0)
    sent = chunked.headers
    assert sent["X-Object-Meta-Name"] == "Elsa"
    assert sent["Content-Type"] == "image/jpeg"
    assert sent["Transfer-Encoding"] == "chunked"
    assert chunked.answer_headers["Etag"] == hashlib.md5(b"maa").hexdigest()
    assert (head.method, head.received) == ("HEAD", 0)
    assert head.answer_headers["Content-Length"] == "3"
    assert (get.method, get.received) == ("GET", 3)
    assert abs(get.start - time.time()) < DEADLINE
    assert 0 < get.seconds < DEADLINE
    assert cloud.exchanges(project) == []
    assert cloud.exchanges(other) == []


def test_secrets_are_not_recorded(
    cloud: Cloud, project: Project, contents: Contents
) -> None:
    key = "very-secret-key"
    contents("PUT", "/c", headers={"X-Container-Meta-Temp-URL-Key": key})
    contents("PUT", "/c/o", data=b"body")
    url = temporary_url(contents, "/c/o", key)
    requests.get(url, timeout=DEADLINE)
    requests.get(f"{contents.url}?X-Amz-Signature=0123abcd", timeout=DEADLINE)
    contents("HEAD", "/c")
    env = project.environment()
    token = v3.Password(
        auth_url=env["OS_AUTH_URL"],
        username=project.name,
        password=project.password,
        project_name=project.name,
        user_domain_name="Default",
        project_domain_name="Default",
    ).get_access(session.Session())
    exchanges = cloud.exchanges(project)
    assert [each.service for each in exchanges] == ["object-store"] * 5 + ["identity"]
    assert exchanges[-1].answer_headers["X-Subject-Token"] == "***"
    assert exchanges[0].headers["X-Auth-Token"] == "***"
    assert exchanges[0].headers["X-Container-Meta-Temp-Url-Key"] == "***"
    assert "?temp_url_sig=***&temp_url_expires=" in exchanges[2].path
    assert exchanges[3].path.endswith("?X-Amz-Signature=***")
    text = json.dumps([asdict(each) for each in exchanges])
    signature = url.partition("sig=")[2].partition("&")[0]
    for secret in (
        key,
        project.password,
        token.auth_token,
        str(contents.session.headers["X-Auth-Token"]),
        signature,
        "0123abcd",
    ):
        assert secret not in text


def test_exchange_is_there_when_the_response_is(
    cloud: Cloud, project: Project, contents: Contents
) -> None:
    contents("PUT", "/c")
    contents("PUT", "/c/o", data=b"x" * 200_000)
    cloud.exchanges(project)
    for _ in range(100):
        contents("GET", "/c/o")
        assert [each.received for each in cloud.exchanges(project)] == [200_000]
        contents("HEAD", "/c/o")
        assert len(cloud.exchanges(project)) == 1


def test_cache_does_as_memcached_does(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MemoryCache()
    now = time.time()
    kept = {"names": ("a", "b")}
    cache.set("key", kept, time=10)
    got = cache.get("key")
    assert got == {"names": ["a", "b"]}
    got["names"].clear()
    assert cache.get("key") == {"names": ["a", "b"]}
    assert [cache.incr("n", 5), cache.decr("n", 2), cache.decr("n", 9)] == [5, 3, 0]
    cache.set_multi({"x": 1, "y": b"bytes"}, "server", time=now + 100)
    monkeypatch.setattr(time, "time", lambda: now + 11)
    assert cache.get_multi(["key", "x", "y", "n"], "server") == [None, 1, b"bytes", 0]
    cache.delete("x")
    assert cache.get("x") is None
    monkeypatch.setattr(time, "time", lambda: now + 101)
    assert cache.get("y") is None


# What a person starts


def test_serve_prints_variables_and_stops_clean(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text("clouds:\n  mine: {profile: vexxhost}\n")
    program = f"""
        from pathlib import Path
        from livesteps_openstack.cloud import serve
        serve(None, Path({str(file)!r}))
    """
    person = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with person:
        assert person.stdout is not None
        assert person.stderr is not None
        exports = dict(
            person.stdout.readline().removeprefix("export ").rstrip().split("=", 1)
            for _ in range(11)
        )
        assert "Ctrl-C" in person.stderr.readline()
        (server,) = psutil.Process(person.pid).children()
        entries = yaml.safe_load(file.read_text())["clouds"]
        assert entries["mine"] == {"profile": "vexxhost"}
        assert entries["livesteps"]["auth"]["password"] == exports["OS_PASSWORD"]
        assert file.stat().st_mode & 0o777 == 0o600
        person.send_signal(signal.SIGINT)
        try:
            out, err = person.communicate(timeout=DEADLINE)
        finally:
            person.kill()
    assert (person.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert not server.is_running()
    assert refuses(exports["OS_AUTH_URL"])


def test_file_that_is_no_clouds_yaml_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    for text in ("clouds: [", "clouds: []"):
        file.write_text(text)
        with pytest.raises(CloudError, match=r"clouds\.yaml:1: (?s:.*); mend it"):
            serve(None, file)
        assert file.read_text() == text
