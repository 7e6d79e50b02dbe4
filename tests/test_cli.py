"""The command: what it says and how it exits."""

from __future__ import annotations

import datetime
import itertools
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import yaml
from small import ROOT

from livesteps_openstack.cloud import Cloud, Project

if TYPE_CHECKING:
    from small import SmallGuide as Guide

MakeGuide = Callable[..., "Guide"]
Command = Callable[..., subprocess.CompletedProcess[str]]

# Of webob and of openstacksdk, which read clouds.yaml; a person sees neither.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated"),
    pytest.mark.filterwarnings("ignore:Support for InfluxDB"),
]

NUMBERS = itertools.count(1)


def last(text: str) -> str:
    """The last line of a text."""
    return text.strip().splitlines()[-1]


def without_toolchain(guide: Guide) -> None:
    """Make the only SDK of a guide one that is not installed."""
    toml = guide.sdk_folder / "sdk.toml"
    text = toml.read_text()
    toml.write_text(text.replace('sdk = ["{python}"', 'sdk = ["no-such-tool"'))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "libclout"], "unknown SDK 'libclout'; did you mean 'libcloud'?"),
        (["run", "qq"], "unknown SDK 'qq'; known: libcloud"),
        (["record", "libclout"], "unknown SDK 'libclout'; did you mean 'libcloud'?"),
        (["run"], "name the SDKs to run, or all; known: libcloud"),
        (["run", "libcloud", "--all"], "name the SDKs to run, or all; known: libcloud"),
        (["run", "libcloud", "--step", "18"], "there is no step 18; they are 1 to 17"),
        (["run", "libcloud", "--step", "0"], "there is no step 0; they are 1 to 17"),
        (["run", "libcloud", "--require", "go"], "unknown SDK 'go'; known: libcloud"),
        (["guide", "--require", "go"], "unknown SDK 'go'; known: libcloud"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    guide_folder: Path, livesteps_here: Command, arguments: list[str], said: str
) -> None:
    ran = livesteps_here(guide_folder, *arguments)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", said + "\n")


def test_a_wrong_marker_stops_it_before_anything_runs(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)", "print(2)")
    guide.program.write_text(guide.program.read_text().replace("# step-2", "#step-2"))
    ran = livesteps_here(guide.folder, "run", "tiny")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("samples/tiny/tiny.py:4: '#step-2' is not a marker")


@pytest.mark.parametrize(
    "arguments", [["run", "--all"], ["record", "libcloud"], ["guide"]]
)
def test_outside_of_a_guide_it_says_where_to_go(
    tmp_path: Path, livesteps_here: Command, arguments: list[str]
) -> None:
    ran = livesteps_here(tmp_path, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "there is no samples/guide.toml here or above; go to a guide's folder\n"
    )


def test_it_finds_the_guide_from_a_folder_below(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    ran = livesteps_here(
        make_guide("print(1)").sdk_folder, "run", "tiny", "--step", "2"
    )
    assert ran.stderr == "there is no step 2; they are 1 to 1\n"


def test_it_stops_after_the_step_that_was_asked_for(
    guide_folder: Path, livesteps_here: Command
) -> None:
    ran = livesteps_here(guide_folder, "run", "libcloud", "--step", "6")
    assert ran.returncode == 0, ran.stderr
    told = [line for line in ran.stdout.splitlines() if line.startswith("libcloud: ")]
    assert [line.split()[1] for line in told] == [f"step-0{n}" for n in range(1, 7)]
    assert "6 of 17" in last(ran.stdout)
    assert last(ran.stdout).endswith("passed")


def test_a_sample_that_breaks_exits_with_2_and_is_shown(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)", "print(2 / 0)")
    assert livesteps_here(guide.folder, "record", "tiny").returncode == 2
    ran = livesteps_here(guide.folder, "run", "tiny")
    assert ran.returncode == 2
    assert "samples/tiny/tiny.py:4: it ended with status 1" in ran.stderr
    assert 'File "samples/tiny/tiny.py", line 5' in ran.stderr
    assert "Traceback" in ran.stderr  # the sample's, not ours
    assert "livesteps/" not in ran.stderr
    assert "failed: step 2 failed" in last(ran.stdout)


def test_a_sample_that_does_something_else_exits_with_1(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)", "print(2)")
    assert livesteps_here(guide.folder, "record", "tiny").returncode == 0
    guide.program.write_text(guide.program.read_text().replace("(2)", "(3)"))
    ran = livesteps_here(guide.folder, "run", "tiny")
    assert ran.returncode == 1
    assert "samples/tiny/tiny.py:4: the output is not the recorded one" in ran.stderr
    assert "-2\n" in ran.stderr
    assert "+3\n" in ran.stderr


def test_a_stale_recording_fails_a_sample_that_runs(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    assert livesteps_here(guide.folder, "record", "tiny").returncode == 0
    assert livesteps_here(guide.folder, "run", "tiny").returncode == 0
    guide.program.write_text(guide.program.read_text().replace("(1)", "( 1 )"))
    ran = livesteps_here(guide.folder, "run", "tiny")
    assert ran.returncode == 1
    told = " ".join(ran.stdout.split())
    assert "it is of another version of tiny.py; run `livesteps record tiny`" in told


def test_a_cloud_that_does_not_start_is_told_once_and_stops_all(
    make_guide: MakeGuide, livesteps: Command, tmp_path: Path
) -> None:
    broken = tmp_path / "broken" / "keystone"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise SystemError('no key fits')")
    guide = make_guide("print(1)")
    shutil.copytree(guide.sdk_folder, guide.sdk_folder.with_name("other"))
    path = f"{broken.parent}:{ROOT}"
    ran = livesteps(guide.folder, "run", "--all", PYTHONPATH=path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("the cloud did not start; these are the last lines")
    assert ran.stderr.endswith("SystemError: no key fits\n")


def test_an_sdk_that_cannot_run_is_listed_with_the_reason(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    without_toolchain(guide)
    ran = livesteps_here(guide.folder, "run", "--all")
    assert ran.returncode == 0, ran.stderr
    assert last(ran.stdout).startswith("tiny ")
    assert last(ran.stdout).endswith("not run: no-such-tool is not installed")


def test_a_required_sdk_that_cannot_run_exits_with_1(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    without_toolchain(guide)
    ran = livesteps_here(guide.folder, "run", "--all", "--require", "tiny")
    assert ran.returncode == 1
    assert last(ran.stderr) == "required, but not run: tiny"


def test_an_sdk_that_cannot_run_is_not_recorded(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    without_toolchain(guide)
    ran = livesteps_here(guide.folder, "record", "tiny")
    assert ran.returncode == 1
    assert not guide.recorded.exists()


def only_recorded(guide: Guide) -> None:
    """Make the only SDK of a guide one that is recorded only."""
    toml = guide.sdk_folder / "sdk.toml"
    toml.write_text('recorded_only = "it is far away"\n' + toml.read_text())


def test_what_is_recorded_only_is_listed_and_runs_by_its_name(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    only_recorded(guide)
    assert livesteps_here(guide.folder, "record", "tiny").returncode == 0
    today = datetime.date.today()

    ran = livesteps_here(guide.folder, "run", "--all")
    assert ran.returncode == 0, ran.stderr
    assert last(ran.stdout).split()[:3] == ["tiny", "1.0", "-"]
    assert last(ran.stdout).endswith(f"recorded on {today}: it is far away")

    ran = livesteps_here(guide.folder, "run", "tiny", "--require", "tiny")
    assert ran.returncode == 0, ran.stderr
    assert last(ran.stdout).endswith("passed")


def test_a_stale_recording_fails_what_is_recorded_only(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    only_recorded(guide)
    ran = livesteps_here(guide.folder, "run", "--all")
    assert ran.returncode == 1
    assert "failed: samples/tiny/recorded/tiny/run.toml:1: there is no" in ran.stdout
    assert livesteps_here(guide.folder, "record", "tiny").returncode == 0
    guide.program.write_text(guide.program.read_text().replace("(1)", "( 1 )"))
    ran = livesteps_here(guide.folder, "run", "--all")
    assert ran.returncode == 1
    assert "it is of another version of tiny.py" in " ".join(ran.stdout.split())


@pytest.mark.parametrize("command", [["run", "--all"], ["guide"]])
def test_what_is_recorded_only_cannot_be_required(
    make_guide: MakeGuide, livesteps_here: Command, command: list[str]
) -> None:
    guide = make_guide("print(1)")
    only_recorded(guide)
    ran = livesteps_here(guide.folder, *command, "--require", "tiny")
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        2,
        "",
        "'tiny' is recorded only, and cannot be required: it is far away;"
        " run it by its name: `livesteps run tiny`\n",
    )


@pytest.fixture
def project(cloud: Cloud) -> Project:
    """A project of the one cloud, which plays a cloud of a person's own."""
    return cloud.project(f"acceptance-{next(NUMBERS)}")


@pytest.fixture
def clouds(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Write a clouds.yaml with the project as `mine`, but for what is given."""
    path = tmp_path / "clouds.yaml"
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))

    def write(auth_type: str = "password", **other: str | None) -> None:
        auth = {
            "auth_url": project.auth_url,
            "username": project.name,
            "password": project.password,
            "project_name": project.name,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            **other,
        }
        entry = {
            "auth": {key: value for key, value in auth.items() if value},
            "auth_type": auth_type,
            "region_name": "RegionOne",
        }
        path.write_text(yaml.safe_dump({"clouds": {"mine": entry}}))

    return write


@pytest.fixture
def http(project: Project) -> Iterator[Callable[..., requests.Response]]:
    """Ask for something below the project's account."""
    token, url = project.token()
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Auth-Token"] = token

        def ask(method: str, path: str, data: bytes = b"") -> requests.Response:
            answer = session.request(method, url + path, data=data, timeout=30)
            answer.raise_for_status()
            return answer

        yield ask


def test_samples_run_on_a_cloud_of_clouds_yaml_and_touch_only_what_they_made(
    guide_folder: Path,
    livesteps_here: Command,
    clouds: Callable[..., None],
    http: Callable[..., requests.Response],
) -> None:
    clouds()
    http("PUT", "/mine")
    http("PUT", "/mine/notes", b"keep me")
    samples = guide_folder / "samples"
    shutil.copytree(samples / "libcloud", samples / "another")
    # They share a project, and so run one after the other.
    ran = livesteps_here(guide_folder, "run", "--all", "--os-cloud", "mine")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("17 of 17") == 2
    assert http("GET", "").text == "mine\n"
    assert http("GET", "/mine/notes").text == "keep me"


def test_a_container_that_is_there_already_is_not_touched(
    guide_folder: Path,
    livesteps_here: Command,
    clouds: Callable[..., None],
    http: Callable[..., requests.Response],
) -> None:
    clouds()
    http("PUT", "/fractals")
    http("PUT", "/fractals/notes", b"keep me")
    ran = livesteps_here(guide_folder, "run", "libcloud", "--os-cloud", "mine")
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        2,
        "",
        "cloud 'mine' already has a container 'fractals';"
        " nothing was touched; run in a project that has none\n",
    )
    assert http("GET", "").text == "fractals\n"
    assert http("GET", "/fractals").text == "notes\n"
    assert http("GET", "/fractals/notes").text == "keep me"


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("mien", {}, "clouds.yaml has no cloud 'mien'; did you mean 'mine'?"),
        ("mine", {"password": "wrong"}, "requires authentication. (HTTP 401)"),
        ("mine", {"auth_url": "closed"}, "see that it runs, and that its address"),
        ("mine", {"username": None}, "cloud 'mine': it has no username; give what"),
    ],
)
def test_a_cloud_that_cannot_be_used_is_told_with_what_to_do(
    guide_folder: Path,
    livesteps_here: Command,
    clouds: Callable[..., None],
    name: str,
    other: dict[str, str | None],
    said: str,
) -> None:
    if "auth_url" in other:
        with socket.create_server(("127.0.0.1", 0)) as once:
            port = once.getsockname()[1]
        other = {"auth_url": f"http://127.0.0.1:{port}/v3"}
    clouds(**other)
    ran = livesteps_here(guide_folder, "run", "libcloud", "--os-cloud", name)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_an_entry_that_no_sample_takes_is_a_reason_in_the_table(
    guide_folder: Path, livesteps_here: Command, clouds: Callable[..., None]
) -> None:
    clouds(auth_type="v3token", token="gAAAAAB")
    ran = livesteps_here(guide_folder, "run", "--all", "--os-cloud", "mine")
    assert ran.returncode == 0, ran.stderr
    assert "not run: cloud 'mine': no sample connects by 'v3token'" in last(ran.stdout)
    required = ("--require", "libcloud")
    ran = livesteps_here(guide_folder, "run", "--all", "--os-cloud", "mine", *required)
    assert ran.returncode == 1


def test_a_sample_gets_the_caller_s_proxy_on_a_cloud_of_clouds_yaml(
    make_guide: MakeGuide,
    livesteps_here: Command,
    clouds: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clouds()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    guide = make_guide(
        "import os\nassert os.environ['https_proxy'] == 'http://127.0.0.1:9'\nprint(1)"
    )
    ran = livesteps_here(guide.folder, "run", "tiny", "--os-cloud", "mine")
    assert "1 of 1" in ran.stdout, ran.stderr
    ran = livesteps_here(guide.folder, "run", "tiny")
    assert "0 of 1" in ran.stdout
    assert "KeyError: 'https_proxy'" in ran.stderr


def test_without_a_clouds_yaml_it_says_how_to_get_one(
    guide_folder: Path,
    livesteps_here: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    ran = livesteps_here(guide_folder, "run", "libcloud", "--os-cloud", "mine")
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        2,
        "",
        "clouds.yaml has no cloud 'mine';"
        " write one, by `livesteps cloud --clouds-yaml FILE`\n",
    )


def needing(guide: Guide, *keys: str) -> None:
    """Give the only SDK more keys, and its guide a bindep.txt."""
    toml = guide.sdk_folder / "sdk.toml"
    toml.write_text("".join(f"{key}\n" for key in keys) + toml.read_text())
    (guide.folder / "bindep.txt").write_text(
        "gnat [tiny platform:dpkg]\nlibgnat [tiny platform:rpm]\nother [elsewhere]\n"
    )


def test_doctor_shows_what_is_here(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    needing(guide)
    ran = livesteps_here(guide.folder, "doctor")
    assert ran.returncode == 0
    assert re.search(r"^tiny +1\.0 on Python 3\.\d+\.\d+", ran.stdout, re.MULTILINE)
    assert re.search(r"^server swift +ok", ran.stdout, re.MULTILINE)
    assert "To run tiny" not in ran.stdout


def test_doctor_shows_what_is_missing_and_what_brings_it(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    needing(guide, 'needs = ["no-such-gnat"]', 'download = "https://gnat.example"')
    ran = livesteps_here(guide.folder, "doctor")
    assert ran.returncode == 0
    assert "no-such-gnat is not installed" in ran.stdout
    assert ran.stdout.partition("To run tiny:\n")[2].splitlines()[:3] == [
        "  Debian, Ubuntu: sudo apt-get install gnat",
        "  Fedora: sudo dnf install libgnat",
        "  or from https://gnat.example",
    ]


def test_doctor_misses_its_list_of_packages(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("print(1)")
    needing(guide, 'needs = ["no-such-gnat"]')
    (guide.folder / "bindep.txt").unlink()
    ran = livesteps_here(guide.folder, "doctor")
    assert ran.returncode == 2
    assert ran.stderr.startswith("bindep.txt:1: cannot be read: No such file")


def test_another_server_runs_those_that_name_it_or_are_named(
    make_guide: MakeGuide, livesteps_here: Command
) -> None:
    guide = make_guide("import os\nprint(os.environ['OS_AUTH_URL'])")
    ran = livesteps_here(guide.folder, "run", "--all", "--server", "moto")
    assert ran.returncode == 0, ran.stderr
    assert "not run: its sdk.toml does not say that it runs on moto" in ran.stdout
    assert livesteps_here(guide.folder, "record", "tiny").returncode == 0
    ran = livesteps_here(guide.folder, "run", "tiny", "--server", "moto")
    assert ran.returncode == 0, ran.stderr
    assert last(ran.stdout).endswith("passed")


def test_nothing_of_the_caller_s_reaches_servers_of_ours(
    make_guide: MakeGuide, livesteps: Command, tmp_path: Path
) -> None:
    guide = make_guide("print(1)", contracts=["holds = {}"])
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password nope\n")
    nowhere = "http://127.0.0.1:9"
    hostile = {
        **{"http_proxy": nowhere, "HTTPS_PROXY": nowhere, "ALL_PROXY": nowhere},
        **{"AWS_PROFILE": "nope", "AWS_CONFIG_FILE": str(netrc)},
        **{"AWS_CA_BUNDLE": "/nope", "AWS_ENDPOINT_URL": nowhere},
        **{"AWS_RETRY_MODE": "nope", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "nope"},
        **{"NETRC": str(netrc), "REQUESTS_CA_BUNDLE": "/nope"},
        **{"OS_CLOUD": "nope", "OS_AUTH_URL": nowhere},
    }
    for server in ("swift", "moto"):
        arguments = ("run", "tiny", "--server", server)
        ran = livesteps(guide.folder, *arguments, **hostile)
        assert "1 of 1" in ran.stdout, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr
