"""A Ceph of one's own: what it serves, what the runner sees there, and its end."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
import requests

from livesteps.errors import Problem
from livesteps.read.guide import Guide
from livesteps.run.backend import Backend
from livesteps_openstack.accounts import OnCeph
from livesteps_openstack.ceph import Ceph, supported
from livesteps_openstack.cloud import Cloud
from livesteps_openstack.contents import DistantContents
from livesteps_openstack.info import read_info
from livesteps_openstack.segments import Segment
from livesteps_openstack.servers.clouds_yaml import missing
from livesteps_openstack.servers.swift import Swift

if why_not := supported():
    pytest.skip(f"not run: {why_not}", allow_module_level=True)


class User:
    """Somebody who uses a project's account, and is recorded."""

    def __init__(self, account: OnCeph) -> None:
        self.account = account
        token, url = account.token()
        self.url = f"{account.front}/v1/{url.rpartition('/')[2]}"
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["X-Auth-Token"] = token
        account.exchanges()

    def __call__(self, method: str, path: str, **more: object) -> requests.Response:
        url = f"{self.url}/{path}"
        return self.http.request(method, url, timeout=30, **more)  # type: ignore[arg-type]


def somebody(backend: Backend) -> User:
    """Somebody with an empty account."""
    chapter = backend.guide.chapters["durability"]
    account = backend.account(None, chapter)
    assert isinstance(account, OnCeph)
    return User(account)


@pytest.fixture
def user(ceph_backend: Backend) -> Iterator[User]:
    """Somebody with an empty account."""
    made = somebody(ceph_backend)
    yield made
    made.account.close()


@pytest.fixture
def cloud(ceph_backend: Backend) -> Cloud:
    """That whose users Ceph's are."""
    server = ceph_backend.server
    assert isinstance(server, Swift)
    return server.cloud


def test_projects_side_by_side_do_not_see_one_another(
    ceph_backend: Backend, user: User
) -> None:
    other = somebody(ceph_backend)
    # Without tenants a name would be taken once for all of Ceph.
    assert user("PUT", "same").status_code == 201
    assert other("PUT", "same").status_code == 201
    assert user("PUT", "same/mine", data=b"1").status_code == 201
    assert user.account.contents.snapshot()["same"].keys() == {"mine"}
    assert other.account.contents.snapshot()["same"].keys() == set()
    assert other.http.get(f"{user.url}/same/mine", timeout=30).status_code == 403
    assert user("GET", "same/mine").content == b"1"
    methods = {each.method for each in other.account.exchanges()}
    assert methods == {"PUT"}
    other.account.close()


def test_requests_are_recorded_each_to_its_project(user: User) -> None:
    user("PUT", "box")
    chunks = iter([b"abc", b"def"])
    user("PUT", "box/an object", data=chunks, headers={"Expect": "100-continue"})
    user("HEAD", "box/an object")
    assert user("GET", "box/an object").content == b"abcdef"
    user.account.contents.snapshot()
    contents = user.url.partition("/swift")[2]
    assert [
        (each.method, each.path, each.status, each.sent, each.received)
        for each in user.account.exchanges()
    ] == [
        ("PUT", f"/swift{contents}/box", 201, 0, 0),
        ("PUT", f"/swift{contents}/box/an%20object", 201, 6, 0),
        ("HEAD", f"/swift{contents}/box/an%20object", 200, 0, 0),
        ("GET", f"/swift{contents}/box/an%20object", 200, 0, 6),
    ]
    assert user.account.exchanges() == []


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_a_snapshot_has_plain_and_large_objects(user: User) -> None:
    parts = [b"a" * 1000, b"b" * 10]
    user("PUT", "box")
    user("PUT", "parts")
    user("PUT", "box/plain", data=b"plain")
    user("PUT", "box/empty", data=b"")
    user("PUT", "box/typed", data=b"x", headers={"Content-Type": "image/png"})
    manifest = []
    for index, part in enumerate(parts):
        user("PUT", f"parts/x/{index}", data=part)
        path = f"/parts/x/{index}"
        manifest.append({"path": path, "etag": md5(part), "size_bytes": len(part)})
    user("PUT", "box/static?multipart-manifest=put", data=json.dumps(manifest))
    user("PUT", "box/dynamic", headers={"X-Object-Manifest": "parts/x/"})
    box = user.account.contents.snapshot()
    assert box.keys() == {"box"}
    segments = tuple(
        Segment("parts", f"x/{index}", len(part), md5(part))
        for index, part in enumerate(parts)
    )
    assert box["box"]["static"].segments == segments
    assert box["box"]["dynamic"].segments == segments
    for name, content in (("plain", b"plain"), ("empty", b""), ("typed", b"x")):
        stored = box["box"][name]
        assert (stored.size, stored.md5) == (len(content), md5(content))
        assert stored.segments is None
    assert box["box"]["typed"].content_type == "image/png"
    assert box["box"]["plain"].content_type == "binary/octet-stream"


def test_a_snapshot_has_the_parts_of_an_upload_over_s3(
    user: User,
) -> None:
    token, _ = user.account.token()
    known = user.account.known
    [user_id] = (value for value, name in known.items() if name == "user id")
    keys = requests.post(
        f"{user.account.environment['OS_AUTH_URL']}/users/{user_id}/credentials/OS-EC2",
        json={"tenant_id": user.account.environment["OS_PROJECT_ID"]},
        headers={"X-Auth-Token": token},
        timeout=30,
    ).json()["credential"]
    s3 = boto3.client(
        "s3",
        endpoint_url=user.account.front.removesuffix("/swift"),
        region_name="us-east-1",
        aws_access_key_id=keys["access"],
        aws_secret_access_key=keys["secret"],
    )
    s3.create_bucket(Bucket="box")
    upload = s3.create_multipart_upload(Bucket="box", Key="big")["UploadId"]
    content = os.urandom(5 << 20) + b"the rest"
    named = {"Bucket": "box", "Key": "big", "UploadId": upload}
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**named, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, content[: 5 << 20]), (2, content[5 << 20 :]))
    ]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    s3.close()
    first, second = user.account.contents.snapshot()["box"]["big"].segments or ()
    half = len(content) // 2
    assert first == ("box", "big (part 1)", half, md5(content[:half]))
    assert second == ("box", "big (part 2)", half, md5(content[half:]))


def test_the_gap_is_as_readers_are_told(user: User) -> None:
    """A container's key is taken and ignored; the account's signs, with SHA-1."""
    user("PUT", "box")
    user("PUT", "box/shared", data=b"shared")

    def shared(digest: str) -> int:
        path = f"/{user.url.partition('//')[2].partition('/')[2]}/box/shared"
        expires = int(time.time()) + 600
        text = f"GET\n{expires}\n{path}".encode()
        signature = hmac.new(b"a key", text, digest).hexdigest()
        query = f"temp_url_sig={signature}&temp_url_expires={expires}"
        return requests.get(f"{user.url}/box/shared?{query}", timeout=30).status_code

    key = {"X-Container-Meta-Temp-URL-Key": "a key"}
    assert user("POST", "box", headers=key).status_code == 204
    assert shared("sha256") == shared("sha1") == 403
    key = {"X-Account-Meta-Temp-URL-Key": "a key"}
    assert user("POST", "", headers=key).status_code == 204
    assert shared("sha1") == 200
    assert shared("sha256") == 403


def test_what_is_different_is_as_readers_are_told(user: User) -> None:
    assert user("PUT", "bo").status_code == 400
    user("PUT", "box")
    user("PUT", "box/part", data=b"part")
    manifest = [{"path": "/box/part", "etag": md5(b"part"), "size_bytes": 4}]
    large = json.dumps(manifest)
    user("PUT", "box/large?multipart-manifest=put", data=large)
    assert user("GET", "box/large").content == b"part"
    read = user("GET", "box/large?multipart-manifest=get")
    assert (read.status_code, read.content) == (200, b"")
    listed = {entry["name"]: entry for entry in user("GET", "box?format=json").json()}
    assert listed["large"]["bytes"] == len(large)
    assert "content_type" not in listed["part"]
    type_ = user("HEAD", "box/part").headers["Content-Type"]
    assert type_ == "binary/octet-stream"
    assert user("GET", "box").content == b"large\npart"
    url = user.account.front.rpartition("/")[0] + "/swift/info"
    info = requests.get(url, timeout=30).json()
    assert info["swift"]["version"] == user.account.versions["ceph"]


def test_info_is_read_on_either_server(cloud: Cloud, user: User, guide: Guide) -> None:
    with user.account.contents.anyone() as http:
        info = read_info(user.account.contents.url, http).content
    assert info
    assert [gap.key for gap in missing(info, guide).gaps] == ["shares"]
    for address, lacks in (
        (cloud.storage_url, False),
        ("http://127.0.0.1:9", True),
    ):
        contents = DistantContents(f"{address}/v1/AUTH_x", "no token")
        found = contents.info()
        assert (found.content is None) is lacks
        assert not missing(found.content or {}, guide).gaps
        contents.close()


ALONE = """\
import sys, time
from livesteps_openstack.ceph import Ceph
from livesteps_openstack.cloud import Cloud
with Cloud() as cloud, Ceph(cloud) as ceph:
    if sys.argv[1] == "ready":
        ceph.lane()
    print(ceph.folder, flush=True)
    sys.stdin.read()
"""


def processes_in(folder: Path) -> list[str]:
    """The commands of what runs in a folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("when", ["ready", "starting"])
def test_nothing_is_left_when_its_parent_is_killed(
    when: str, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ALONE, when],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    assert parent.stdin
    folder = Path(parent.stdout.readline().strip())
    wait_for(lambda: processes_in(folder), "processes of Ceph")
    if when == "ready":
        commands = " ".join(processes_in(folder))
        assert all(name in commands for name in ("ceph-mon", "ceph-osd", "radosgw"))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not processes_in(folder), "the end of Ceph's processes")
    wait_for(lambda: not list(tmp_path.iterdir()), "an empty folder")
    parent.stdin.close()
    parent.stdout.close()


def test_a_failed_start_shows_the_end_of_the_log(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "ceph-mon"
    command.write_text("#!/bin/sh\necho there is no room for a gnat >&2\nexit 3\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said = r"(?s)Ceph did not start; these are the last lines.*no room for a gnat"
    with Ceph(cloud) as failed:
        with pytest.raises(Problem, match=said):
            _ = failed.url
        folder = failed.folder
    assert not folder.exists()


def test_a_start_that_takes_too_long_is_given_up(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "monmaptool"
    command.write_text("#!/bin/sh\nexec sleep 600\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Ceph(cloud, deadline=0.2) as failed:
        with pytest.raises(Problem, match=r"Ceph did not start in 0\.2 s"):
            _ = failed.url
        folder = failed.folder
    assert not folder.exists()
    assert not processes_in(folder)


def test_a_machine_without_ceph_is_told_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = "Ceph is not installed (apt-get install ceph-mon ceph-osd radosgw)"
    assert supported() == reason
    said = "no Ceph can run here: Ceph is not installed"
    with pytest.raises(Problem, match=said), Ceph(Cloud()):
        pass
