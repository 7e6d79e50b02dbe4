"""Reports of a run: in every format the same, whole, and without a secret."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import fields, replace
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from bs4 import BeautifulSoup
from click.testing import CliRunner
from junitparser import JUnitXml
from small import COMMAND, ROOT, write_guide

from livesteps import __version__
from livesteps.cli import main
from livesteps.read.guide import load_guide
from livesteps.read.normalise import COMMON
from livesteps.read.redact import Redaction
from livesteps.report import Reports
from livesteps.report.model import SDK, Exchange, Failed, Report, Step, Target
from livesteps.run.backend import Backend
from livesteps.run.batch import Abandoned
from livesteps.run.outcome import Outcome, State
from livesteps.run.run import Failure, Result
from livesteps_openstack.cloud import Cloud
from livesteps_openstack.info import read_info
from livesteps_openstack.vocabulary import OPENSTACK

if TYPE_CHECKING:
    from small import SmallGuide as Guide

MakeGuide = Callable[..., "Guide"]
Command = Callable[..., subprocess.CompletedProcess[str]]

# Of webob and of openstacksdk, which read clouds.yaml; a person sees neither.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated"),
    pytest.mark.filterwarnings("ignore:Support for InfluxDB"),
]

GUIDE = load_guide(ROOT / "samples" / "guide.toml")
CHAPTER = GUIDE.chapters["durability"]
FORMATS = ("xml", "json", "md", "html")
PAGE = ROOT / "doc" / "acceptance.rst"
SIGNATURE = "0123456789abcdef" * 4
KEY = "fedcba9876543210" * 2
TOKEN = "gAAAA" + "Bq3_-x" * 20
PLANTED = (SIGNATURE, KEY, TOKEN, "hunter2")

ASKS = """
import os, urllib.request
url = os.environ["OS_AUTH_URL"]
urllib.request.urlopen(f"{url}?temp_url_sig=SIGNATURE&other=1&AWSAccessKeyId=KEY").read()
print("asked")
""".replace("SIGNATURE", SIGNATURE).replace("KEY", KEY)
COPIES = 'import shutil; shutil.copy("data.txt", "copy.txt"); print("copied")'
# Prints what nobody should see, markup of every format, and a control character.
LEAKS = f"""
import os, sys
print("| <script>alert(1)</script> `````` ]]> \\x1b[31mred\\x1b[0m \\x01 & *")
print("http://127.0.0.1/v1/AUTH_a/c/o?temp_url_sig={SIGNATURE}&temp_url_expires=1")
print("{TOKEN}")
sys.exit(f"X-Container-Meta-Temp-URL-Key: {KEY}\\n"
         f'"password": "hunter2", {{os.environ["OS_PASSWORD"]}}')
"""


def variant(guide: Guide, sdk: str, second: str, toml: str = "") -> None:
    """Add an SDK with another second step, and with more keys."""
    folder = guide.samples / sdk
    shutil.copytree(guide.sdk_folder, folder)
    sample = folder / "tiny.py"
    sample.write_text(f"# step-1\n{ASKS}\n# step-2\n{second}\n# step-3\n")
    (folder / "sdk.toml").write_text((folder / "sdk.toml").read_text() + toml)


def write_reported(folder: Path) -> Guide:
    """A guide with an SDK that passes, one that leaks, one with a gap, and one
    that is not installed."""
    downloads = 'holds = {}\ndownloads = { "copy.txt" = "data.txt" }'
    made = write_guide(folder, [ASKS, COPIES], ["holds = {}", downloads])
    steps = made.samples / "tiny.toml"
    steps.write_text(f'[files]\n"data.txt" = {{}}\n{steps.read_text()}')
    (made.samples / "data.txt").write_text("data")
    variant(made, "leaky", LEAKS)
    gap = '\n[[gap]]\nstep = 2\nreason = "It cannot."\nlink = "https://gap.example/"\n'
    variant(made, "gappy", 'print("not copied")', gap)
    variant(made, "absent", COPIES)
    toml = made.samples / "absent" / "sdk.toml"
    toml.write_text(toml.read_text().replace('sdk = ["{python}"', 'sdk = ["no-tool"'))
    return made


@pytest.fixture
def reported(tmp_path: Path) -> Guide:
    return write_reported(tmp_path / "guide")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, livesteps_once: Command) -> Path:
    """Where the reports of one run are."""
    folder = tmp_path_factory.mktemp("reports")
    guide = write_reported(tmp_path_factory.mktemp("reported"))
    for sdk in ("tiny", "gappy"):
        assert livesteps_once(guide.folder, "record", sdk).returncode == 0
    # That of another one, said to be its own.
    recorded = guide.samples / "leaky" / "recorded" / "tiny"
    shutil.copytree(guide.recorded, recorded)
    sdks = guide.guide.sdks
    digests = [sdks[sdk].sample_of("tiny").digest for sdk in ("tiny", "leaky")]
    run = recorded / "run.toml"
    run.write_text(run.read_text().replace(*digests))
    wanted = [folder / f"report.{name}" for name in FORMATS]
    options = [word for path in wanted for word in ("--report", str(path))]
    assert livesteps_once(guide.folder, "run", "--all", *options).returncode == 2
    assert sorted(folder.iterdir()) == sorted(wanted)
    return folder


@pytest.fixture(scope="module")
def reports(folder: Path) -> dict[str, str]:
    """The texts, by format."""
    return {
        name: (folder / f"report.{name}").read_text(encoding="utf-8")
        for name in FORMATS
    }


def test_every_format_tells_the_same(reports: dict[str, str]) -> None:
    told = json.loads(reports["json"])
    assert told["livesteps"] == __version__
    assert told["passed"] is False
    assert told["target"]["name"] == "swift"
    assert told["target"]["versions"].keys() == {"swift", "keystone"}
    assert "tempurl" in told["target"]["info"]
    states = {
        sdk["id"]: (sdk["state"], [step["state"] for step in sdk["steps"]])
        for sdk in told["sdks"]
    }
    assert states == {
        "tiny": ("passed", ["passed", "passed"]),
        "leaky": ("failed", ["passed", "failed"]),
        "gappy": ("passed", ["passed", "gap"]),
        "absent": ("not run", ["not run", "not run"]),
    }
    sdks = {sdk["id"]: sdk for sdk in told["sdks"]}
    assert sdks["tiny"]["version"] == "1.0"
    assert re.fullmatch(r"3\.\d+\.\d+\S*", sdks["tiny"]["language_version"])
    assert "no-tool is not installed" in sdks["absent"]["why"]
    assert sdks["gappy"]["steps"][1]["link"] == "https://gap.example/"
    asked = sdks["tiny"]["steps"][0]["requests"]
    assert asked == [
        {
            "method": "GET",
            "path": "/v3?temp_url_sig=***&other=1&AWSAccessKeyId=***",
            "status": 200,
        }
    ]
    assert sdks["tiny"]["steps"][0]["seconds"] > 0
    failed = sdks["leaky"]["steps"][1]["failed"]
    assert failed["broken"]
    assert failed["where"].startswith("samples/leaky/tiny.py:")
    assert "ended with status 1" in failed["saw"][0]

    for name in ("md", "html"):
        text = reports[name]
        if name == "html":
            text = BeautifulSoup(text, "html.parser").get_text(" ")
        text = text.replace("\\", "")
        assert "swift: 2 of 3 SDKs passed" in text
        assert "Step 2 failed: do 2" in text
        assert "ended with status 1" in text
        assert "no-tool is not installed" in text
        assert "It cannot." in text
        assert "https://gap.example/" in text
        assert f"keystone {told['target']['versions']['keystone']}" in text
        assert "GET /v3?temp_url_sig=***&other=1" in text
        assert "allowed_digests" in text


def test_no_report_has_a_secret(reports: dict[str, str]) -> None:
    for text in reports.values():
        for secret in PLANTED:
            assert secret not in text
        assert "***" in text
        # That of the project is known to nobody here, but to its own program.
        assert re.search(r"hunter|gAAAA|AUTH_[0-9a-f]{32}", text) is None


def test_a_junit_reader_reads_the_xml(reports: dict[str, str]) -> None:
    suites = {
        suite.name: suite for suite in JUnitXml.fromstring(reports["xml"].encode())
    }
    assert suites.keys() == {"tiny", "leaky", "gappy", "absent"}
    counted = {
        name: (suite.tests, suite.failures, suite.errors, suite.skipped)
        for name, suite in suites.items()
    }
    assert counted == {
        "tiny": (2, 0, 0, 0),
        "leaky": (2, 0, 1, 0),
        "gappy": (2, 0, 0, 1),
        "absent": (2, 0, 0, 2),
    }
    first, second = suites["leaky"]
    assert (first.classname, first.name) == ("leaky", "step-01 do 1")
    assert first.is_passed
    assert first.time > 0
    assert "GET /v3?temp_url_sig=***" in first.system_out
    [error] = second.result
    assert "ended with status 1" in error.message
    assert "samples/leaky/tiny.py:" in error.text
    # A character that XML cannot have is seen to be missing.
    assert "red \N{REPLACEMENT CHARACTER} & *" in second.system_out
    [skipped] = [case.result[0] for case in suites["gappy"] if case.is_skipped]
    assert skipped.message == "gap: It cannot."
    whole = JUnitXml.fromstring(reports["xml"].encode())
    assert (whole.tests, whole.failures, whole.errors, whole.skipped) == (8, 0, 1, 3)


def test_no_markup_of_a_program_is_one_of_the_report(reports: dict[str, str]) -> None:
    page = BeautifulSoup(reports["html"], "html.parser")
    assert page.find("script") is None
    assert "<script>alert(1)</script>" in page.get_text()
    fences = re.findall(r"^(`{3,})", reports["md"], re.MULTILINE)
    [longest] = {fence for fence in fences if len(fence) > 3}
    assert longest == "`" * 7
    assert fences.count(longest) == 2


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(
    folder: Path, browser: Any, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((folder / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tables = page.locator("table")
    assert tables.count() == 4
    assert page.locator("th:not([scope])").count() == 0
    assert page.get_by_role("columnheader", name="step 2 do 2").count() == 1
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    for name in ("passed", "failed", "gap", "not-run", "quiet"):
        ink = page.locator(f".{name}").first.evaluate("e => getComputedStyle(e).color")
        # WCAG 2.2, 1.4.3: text on its background.
        assert _contrast(ink, paper) >= 4.5, name
    assert len(asked) == 1
    context.close()


def _contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_page_for_operators_tells_every_key() -> None:
    told = PAGE.read_text().partition("The report for programs\n")[2]
    keys = [
        each.name
        for table in (Report, Target, SDK, Step, Failed, Exchange)
        for each in fields(table)
    ]
    assert [key for key in keys if f"``{key}``" not in told] == []


def test_the_page_for_operators_tells_commands_that_there_are() -> None:
    lines = re.findall(r"^   \$ livesteps (.+)$", PAGE.read_text(), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(line)
        # With --help, options are read and nothing is run.
        ran = CliRunner().invoke(main, [*words, "--help"])
        assert ran.exit_code == 0, f"{line}: {ran.output}"
        unknown = CliRunner().invoke(main, [*words, "--no-such-option", "--help"])
        assert unknown.exit_code == 2


# Where it goes, and when


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("r.txt", "its ending is none of a report's; choose .xml, .json, .md or .html"),
        ("report", "its ending is none of a report's; choose"),
        ("none/r.xml", "there is no such folder; make it"),
        ("folder.xml", "it is a folder; name a file"),
        ("/proc/r.xml", "it cannot be written: "),
    ],
)
def test_a_report_that_cannot_be_is_told_before_anything_runs(
    make_guide: MakeGuide, livesteps_here: Command, tmp_path: Path, name: str, said: str
) -> None:
    guide = make_guide(f"open({str(tmp_path / 'ran')!r}, 'w'); print(1)")
    (tmp_path / "folder.xml").mkdir()
    ran = livesteps_here(
        guide.folder,
        *("run", "tiny", "--report", str(tmp_path / "r.json")),
        *("--report", str(tmp_path / name)),
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "r.json").exists()


def test_a_required_sdk_that_did_not_run_is_an_error_in_it(
    reported: Guide, livesteps_here: Command, tmp_path: Path
) -> None:
    path = tmp_path / "r.XML"
    ran = livesteps_here(
        reported.folder, "run", "absent", "--require", "absent", "--report", str(path)
    )
    assert ran.returncode == 1
    [suite] = JUnitXml.fromfile(str(path))
    assert (suite.tests, suite.errors, suite.skipped) == (3, 1, 2)


def test_steps_after_the_last_one_asked_for_are_not_run(
    reported: Guide, livesteps_here: Command, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    options = ("--step", "1", "--report", str(path))
    livesteps_here(reported.folder, "run", "leaky", *options)
    [sdk] = json.loads(path.read_text())["sdks"]
    assert [step["state"] for step in sdk["steps"]] == ["passed", "not run"]
    assert sdk["steps"][1]["why"] == "the run was to stop after step 1"


def test_a_cloud_that_is_not_there_is_told_in_the_report(
    reported: Guide,
    livesteps_here: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    path, xml = tmp_path / "r.json", tmp_path / "r.xml"
    ran = livesteps_here(
        reported.folder,
        *("run", "tiny", "--os-cloud", "mine"),
        *("--report", str(path), "--report", str(xml)),
    )
    assert ran.returncode == 2
    told = json.loads(path.read_text())
    assert told["stopped"] == ran.stderr.strip()
    assert told["passed"] is False
    assert told["target"]["kind"] == "cloud"
    [sdk] = told["sdks"]
    assert sdk["state"] == "not run"
    assert JUnitXml.fromfile(str(xml)).errors == 1


def test_where_a_cloud_of_ones_own_is_stays_with_its_owner(
    make_guide: MakeGuide,
    livesteps_here: Command,
    cloud: Cloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = cloud.project("reported")
    auth = {
        "auth_url": project.auth_url,
        "username": project.name,
        "password": project.password,
        "project_name": project.name,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(
        json.dumps({"clouds": {"mine": {"auth": auth, "region_name": "RegionOne"}}})
    )
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    account = f"{project.storage_url}/v1/AUTH_{project.id}"
    token, url = project.token()
    guide = make_guide(
        f"import requests\nprint(requests.put({url!r} + '/fractals',"
        f" headers={{'X-Auth-Token': {token!r}}}).status_code)",
        f"import os; print(os.environ['OS_AUTH_URL'], {account!r}); exit(1)",
        contracts=["holds = { fractals = [] }"] * 2,
    )
    paths = [tmp_path / f"r.{name}" for name in FORMATS]
    options = [word for path in paths for word in ("--report", str(path))]
    ran = livesteps_here(guide.folder, "run", "tiny", "--os-cloud", "mine", *options)
    assert ran.returncode == 2
    for path in paths:
        text = path.read_text()
        assert "object storage address" in text
        plain = unescape(text)
        assert "removed from 'mine': container 'fractals' (0 objects)" in plain
        for value in (
            *(project.id, project.password, token),
            urlsplit(project.auth_url).netloc,
            urlsplit(project.storage_url).netloc,
        ):
            assert value not in text
    told = json.loads((tmp_path / "r.json").read_text())
    assert told["target"]["name"] == "mine"
    assert told["target"]["versions"] == {"swift": cloud.versions["swift"]}
    assert "slo" in told["target"]["info"]
    steps = told["sdks"][0]["steps"]
    assert [step["requests"] for step in steps] == [None, None]
    assert told["sdks"][0]["after"] == [
        "removed from 'mine': container 'fractals' (0 objects)"
    ]
    assert steps[1]["failed"]["printed"] == (
        "http://<identity address>/v3"
        " http://<object storage address>/v1/AUTH_<project id>\n"
    )


@pytest.mark.parametrize(
    ("sdk", "server", "gaps"),
    [("curl", "ceph", [16]), ("boto3", "ceph", []), ("curl", "swift", [])],
)
def test_what_a_server_lacks_is_a_gap(
    sdk: str, server: str, gaps: list[int], tmp_path: Path
) -> None:
    results = [Result(step, "", 1.0, None) for step in CHAPTER.steps]
    outcome = Outcome(GUIDE.sdks[sdk], CHAPTER, sdk, State.PASSED, results=results)
    backend = Backend(GUIDE, GUIDE.plugins.servers[server](GUIDE))
    path = tmp_path / "r.json"
    with Reports([path], GUIDE, "server", server) as report, report.of(backend):
        report.outcomes = [outcome]
    [told] = json.loads(path.read_text())["sdks"]
    found = {each["number"]: each for each in told["steps"] if each["state"] == "gap"}
    assert list(found) == gaps
    for gap in found.values():
        assert "temporary URLs" in gap["why"]
        assert gap["link"].startswith("https://docs.ceph.com/")


def test_what_a_cloud_has_not_is_a_gap_and_no_failure(tmp_path: Path) -> None:
    sdk = GUIDE.sdks["curl"]
    why = "this cloud has no static large objects"
    program = sdk.sample_of("durability")
    failure = Failure(program.path_of(14), 1, ("it failed",), excuse=why)
    results = [Result(step, "", 1.0, None) for step in CHAPTER.steps[:14]]
    results[13] = replace(results[13], failure=failure)
    outcome = Outcome(sdk, CHAPTER, "curl", State.NOT_RUN, why=why, results=results)
    paths = [tmp_path / f"r.{name}" for name in FORMATS]
    with Reports(paths, GUIDE, "cloud", "mine") as report:
        report.outcomes = [outcome]
    told = json.loads((tmp_path / "r.json").read_text())
    assert told["passed"] is True
    states = [step["state"] for step in told["sdks"][0]["steps"]]
    assert states == ["passed"] * 13 + ["gap"] + ["not reached"] * 3
    assert told["sdks"][0]["steps"][13]["why"] == why
    assert JUnitXml.fromfile(str(tmp_path / "r.xml")).failures == 0


def test_who_interrupts_twice_is_told_in_the_report_what_is_left(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.json"
    with pytest.raises(Abandoned), Reports([path], GUIDE, "cloud", "mine"):
        raise Abandoned("left on 'mine': all")
    assert json.loads(path.read_text())["stopped"] == (
        "the run was interrupted; left on 'mine': all"
    )


def test_an_interrupted_run_is_reported(
    make_guide: MakeGuide,
    environment: dict[str, str],
    tmp_path: Path,
    wait_for: Callable[..., None],
) -> None:
    waiting = tmp_path / "waiting"
    guide = make_guide(
        "print(1)",
        f"import time; open({str(waiting)!r}, 'w'); time.sleep(600)",
        "print(3)",
    ).without_server()
    report = tmp_path / "r.json"
    running = subprocess.Popen(
        [*COMMAND, "run", "tiny", "--report", str(report)],
        cwd=guide.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(waiting.exists, "the second step waits", within=60)
    assert not report.exists()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    told = json.loads(report.read_text())
    assert told["stopped"] == "the run was interrupted"
    assert told["passed"] is False
    [sdk] = told["sdks"]
    assert [step["state"] for step in sdk["steps"]] == [
        *("passed", "failed", "not reached")
    ]


# What is taken out


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the s3cret/passw0rd!", "the ***"),
        ("u=s3cret%2Fpassw0rd%21&", "u=***&"),
        ("a goat for the goat", "a goat for the goat"),
        ('"password": "goat"', '"password": "***"'),
        ("OS_PASSWORD=goat", "OS_PASSWORD=***"),
        ("-H 'X-Auth-Token: abc'", "-H 'X-Auth-Token: ***'"),
        ("Authorization: AWS a:b=", "Authorization: ***"),
        ("X-Account-Meta-Temp-URL-Key: k", "X-Account-Meta-Temp-URL-Key: ***"),
        (
            "?X-Amz-Credential=a%2Fb&X-Amz-Signature=c",
            "?X-Amz-Credential=***&X-Amz-Signature=***",
        ),
        ("https://ada:pass@host/", "https://ada:***@host/"),
        (
            "/v3/users/u/credentials/OS-EC2/" + "0f" * 16,
            "/v3/users/u/credentials/OS-EC2/***",
        ),
        ("at https://cloud.example:5000/v3", "at https://<identity address>/v3"),
        ("password: os.environ['X']", "password: os.environ['X']"),
        ("\x1b[1mbold\x1b[0m\x00\x85", "bold\ufffd\ufffd"),
    ],
)
def test_secrets_and_addresses_are_taken_out(text: str, left: str) -> None:
    redact = Redaction(
        ("s3cret/passw0rd!", "goat"),
        {"cloud.example:5000": "identity address"},
        OPENSTACK + COMMON,
    )
    assert redact(text) == left


class Answers:
    """A session whose answers are given beforehand, by path."""

    def __init__(self, answers: dict[str, tuple[int, str]]) -> None:
        self._answers = answers

    def get(self, url: str, **_: object) -> requests.Response:
        answer = requests.Response()
        path = url.removeprefix("https://host")
        answer.status_code, text = self._answers.get(path, (404, ""))
        answer.raw = BytesIO(text.encode())
        return answer


@pytest.mark.parametrize(
    ("account", "answers", "read"),
    [
        ("/v1/AUTH_a", {"/info": (200, '{"slo": {}}')}, True),
        ("/swift/v1/AUTH_a", {"/swift/info": (200, "{}")}, True),
        ("/swift/v1", {"/swift/info": (200, "{}")}, True),
        ("/store/v1/a", {"/info": (200, "{}")}, True),
        ("/v1/AUTH_a", {}, "GET /info was answered by 404"),
        ("/v1/AUTH_a", {"/info": (302, "")}, "GET /info was answered by 302"),
        ("/v1/AUTH_a", {"/info": (200, "<p>")}, "what GET /info gave is not a JSON"),
        ("/v1/AUTH_a", {"/info": (200, "[]")}, "what GET /info gave is not a JSON"),
    ],
)
def test_info_is_read_where_it_is(
    account: str, answers: dict[str, tuple[int, str]], read: bool | str
) -> None:
    info = read_info(f"https://host{account}", Answers(answers))  # type: ignore[arg-type]
    if read is True:
        assert info.content is not None
        assert info.why == ""
    else:
        assert info.content is None
        assert info.why.startswith(str(read))


# Standard output


@pytest.fixture
def passing(make_guide: MakeGuide, livesteps_here: Command) -> Guide:
    guide = make_guide("print(1)", "print(2)").without_server()
    assert livesteps_here(guide.folder, "record", "tiny").returncode == 0
    return guide


def test_a_full_standard_output_is_one_line(
    passing: Guide, environment: dict[str, str], tmp_path: Path
) -> None:
    report = tmp_path / "r.json"
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*COMMAND, "run", "tiny", "--report", str(report)],
            cwd=passing.folder,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.stderr == (
        "standard output: No space left on device;"
        " a part of the output is lost; send it elsewhere\n"
    )
    assert ran.returncode == 2
    # It ran to its end all the same.
    assert json.loads(report.read_text())["passed"] is True


@pytest.mark.parametrize("fails", [False, True])
def test_nobody_reads_on_and_the_exit_status_still_tells(
    passing: Guide, environment: dict[str, str], fails: bool
) -> None:
    if fails:
        program = passing.program
        program.write_text(program.read_text().replace("(2)", "(3)"))
    read, write = os.pipe()
    os.close(read)
    try:
        ran = subprocess.run(
            [*COMMAND, "run", "tiny"],
            cwd=passing.folder,
            env=environment,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(write)
    assert ran.returncode == (1 if fails else 0)
    assert ("the output is not the recorded one" in ran.stderr) is fails
    assert "Traceback" not in ran.stderr
    assert fails or ran.stderr == ""


def test_a_standard_output_that_is_closed_is_no_error(
    passing: Guide, environment: dict[str, str]
) -> None:
    ran = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "run", "tiny"],
        cwd=passing.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
