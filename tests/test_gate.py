"""The gate: what pytest shows of a guide's samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from livesteps.read.recording import Recording

if TYPE_CHECKING:
    from small import SmallGuide as Guide

MakeGuide = Callable[..., "Guide"]
Gate = Callable[..., pytest.RunResult]
Record = Callable[["Guide"], Recording]

ROOT = Path(__file__).parents[1]
UPLOAD = """
import os, requests
auth = {
    "identity": {"methods": ["password"], "password": {"user": {
        "name": os.environ["OS_USERNAME"], "domain": {"name": "Default"},
        "password": os.environ["OS_PASSWORD"]}}},
    "scope": {"project": {
        "name": os.environ["OS_PROJECT_NAME"], "domain": {"name": "Default"}}},
}
answer = requests.post(
    os.environ["OS_AUTH_URL"] + "/auth/tokens", json={"auth": auth}, timeout=60)
[url] = [endpoint["url"] for service in answer.json()["token"]["catalog"]
    for endpoint in service["endpoints"]
    if service["type"] == "object-store" and endpoint["interface"] == "public"]
token = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
print(requests.put(url + "/wrong", headers=token, timeout=60).status_code)
"""


def test_an_item_for_every_step(make_guide: MakeGuide, gate: Gate) -> None:
    guide = make_guide("print(1)", "print(2)")
    ran = gate(guide, "--collect-only", "-q")
    assert ran.outlines[:3] == [
        "samples/tiny/sdk.toml::recording",
        "samples/tiny/sdk.toml::step-01 do 1",
        "samples/tiny/sdk.toml::step-02 do 2",
    ]


def test_what_is_as_recorded_passes(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)", "print(2)", "print(3)")
    record(guide)
    gate(guide).assert_outcomes(passed=4)


def test_a_failure_shows_where_and_why_and_nothing_of_ours(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)", "print(2)", "print(3)", "print(4)")
    record(guide)
    guide.program.write_text(guide.program.read_text().replace("print(2)", UPLOAD))
    ran = gate(guide, "-rs")
    ran.assert_outcomes(passed=1, failed=2, skipped=2)
    ran.stdout.fnmatch_lines(
        [
            "*step-02 do 2*",
            "samples/tiny/tiny.py:4: containers: 'wrong' should not be there",
            "requests of this step:",
            "  POST /v3/auth/tokens -> 201",
            "  PUT /v1/AUTH_*/wrong -> 201",
            "SKIPPED * not reached: step-02 do 2 failed",
        ]
    )
    shown = ran.stdout.str()
    assert "Traceback" not in shown
    assert "_Failed" not in shown


def test_another_output_is_shown_as_a_difference(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print('a goat\\nb')", "print(2)")
    record(guide)
    guide.program.write_text(guide.program.read_text().replace("a goat", "a gnat"))
    ran = gate(guide)
    ran.assert_outcomes(failed=2, skipped=1)
    ran.stdout.fnmatch_lines(
        [
            "samples/tiny/tiny.py:1: the output is not the recorded one:",
            "  --- recorded in samples/tiny/recorded/tiny/step-01.txt",
            "  +++ printed",
            "  -a goat",
            "  +a gnat",
            "   b",
        ]
    )


def test_a_stale_recording_is_an_item_that_fails(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)", "print(2)")
    record(guide)
    guide.program.write_text(guide.program.read_text().replace("(2)", "( 2 )"))
    ran = gate(guide)
    ran.assert_outcomes(passed=2, failed=1)
    ran.stdout.fnmatch_lines(
        [
            "samples/tiny/recorded/tiny/run.toml:3: it is of another version of"
            " tiny.py; run `livesteps record tiny` and look at what changed",
            "FAILED samples/tiny/sdk.toml::recording*",
        ]
    )
    assert "Traceback" not in ran.stdout.str()


def test_without_a_recording_every_item_fails_and_says_what_to_do(
    make_guide: MakeGuide, gate: Gate
) -> None:
    ran = gate(make_guide("print(1)"))
    ran.assert_outcomes(failed=2)
    ran.stdout.fnmatch_lines(["*run.toml:1: there is no recording; make one by*"])


def test_a_wrong_marker_stops_the_collection(make_guide: MakeGuide, gate: Gate) -> None:
    guide = make_guide("print(1)", "print(2)")
    guide.program.write_text(guide.program.read_text().replace("# step-2", "# step 2"))
    ran = gate(guide)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(
        ["samples/tiny/tiny.py:4: '# step 2' is not a marker, but looks like one; *"]
    )


def test_one_item_runs_what_it_needs_and_no_more(
    make_guide: MakeGuide, gate: Gate, record: Record, tmp_path: Path
) -> None:
    note = f"open({str(tmp_path / 'ran')!r}, 'a').write('{{}}\\n')\nprint({{}})"
    guide = make_guide(*(note.format(step, step) for step in (1, 2, 3)))
    record(guide)
    (tmp_path / "ran").unlink()
    gate(guide, "samples/tiny/sdk.toml::step-02 do 2").assert_outcomes(passed=1)
    assert (tmp_path / "ran").read_text() == "1\n2\n"


def test_an_sdk_that_is_not_installed_is_skipped_with_the_reason(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)", "print(2)")
    record(guide)
    toml = guide.sdk_folder / "sdk.toml"
    toml.write_text(
        toml.read_text().replace('sdk = ["{python}"', 'sdk = ["no-such-python"')
    )
    ran = gate(guide, "-rs")
    ran.assert_outcomes(passed=1, skipped=2)
    ran.stdout.fnmatch_lines(["SKIPPED * not run: no-such-python is not installed"])


def test_over_several_processes_a_sample_is_still_run_once(
    make_guide: MakeGuide,
    record: Record,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pytest.importorskip("xdist")
    block = f"open({str(tmp_path / 'ran')!r}, 'a').write('ran\\n')\nprint(1)"
    guide = make_guide(block, "print(2)", "print(3)", "print(4)", "print(5)")
    guide.without_server()
    record(guide)
    (tmp_path / "ran").unlink()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(guide.folder)
    ran = pytester.runpytest_subprocess(
        "-n", "2", f"--rootdir={guide.folder}", "samples"
    )
    ran.assert_outcomes(passed=6)
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_an_install_that_fails_is_not_tried_for_every_step(
    make_guide: MakeGuide,
    gate: Gate,
    record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    guide = make_guide("print(1)", "print(2)")
    record(guide)
    (guide.sdk_folder / "lock").touch()
    log = tmp_path / "log"
    with (guide.sdk_folder / "sdk.toml").open("a") as file:
        file.write('[install]\nfiles = ["lock"]\n')
        file.write(f"command = ['sh', '-c', 'echo no registry | tee -a {log}; exit 1']")
    ran = gate(guide)
    ran.assert_outcomes(passed=1, failed=2)
    ran.stdout.fnmatch_lines(["*` ended with status 1 in *", "  no registry"])
    ran.stdout.no_fnmatch_line("*Traceback*")
    assert log.read_text() == "no registry\n"


def only_recorded(guide: Guide, *check: str) -> None:
    """Say that the sample is recorded only, and what is to look at it."""
    toml = guide.sdk_folder / "sdk.toml"
    keys = f'recorded_only = "it is far away"\ncheck = [{list(check)}]\n'
    toml.write_text(keys + toml.read_text())


def test_what_is_recorded_only_is_checked_and_not_run(
    make_guide: MakeGuide, gate: Gate, record: Record, tmp_path: Path
) -> None:
    guide = make_guide(f"open({str(tmp_path / 'ran')!r}, 'x')\nprint(1)", "print(2)")
    record(guide)
    (tmp_path / "ran").unlink()
    only_recorded(guide, "{python}", "-m", "tabnanny", "{sample}")
    assert gate(guide, "--collect-only", "-q").outlines[:2] == [
        "samples/tiny/sdk.toml::recording",
        "samples/tiny/sdk.toml::check by python",
    ]
    gate(guide).assert_outcomes(passed=2)
    assert not (tmp_path / "ran").exists()


def test_the_recording_of_what_is_recorded_only_must_not_be_stale(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)", "print(2)")
    record(guide)
    only_recorded(guide, "{python}", "-m", "tabnanny", "{sample}")
    guide.program.write_text(guide.program.read_text().replace("(2)", "( 2 )"))
    ran = gate(guide)
    ran.assert_outcomes(passed=1, failed=1)
    ran.stdout.fnmatch_lines(["*run.toml:3: it is of another version of tiny.py; *"])


def test_what_the_check_finds_wrong_is_shown(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)")
    record(guide)
    only_recorded(guide, "sh", "-c", "echo a gnat: $0; exit 3", "{sample}")
    ran = gate(guide)
    ran.assert_outcomes(passed=1, failed=1)
    ran.stdout.fnmatch_lines(
        [
            "samples/tiny/tiny.py:1: `sh -c * tiny.py` ended with status 3:",
            "a gnat: samples/tiny/tiny.py",
        ]
    )
    ran.stdout.no_fnmatch_line("*Traceback*")


def test_a_check_that_is_not_installed_is_skipped_with_the_reason(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)")
    record(guide)
    only_recorded(guide, "no-such-tool", "{sample}")
    ran = gate(guide, "-rs")
    ran.assert_outcomes(passed=1, skipped=1)
    ran.stdout.fnmatch_lines(["SKIPPED * not run: no-such-tool is not installed"])


def test_another_server_is_one_more_item(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("import os\nprint(os.environ['OS_USERNAME'][:4])")
    record(guide)
    toml = guide.sdk_folder / "sdk.toml"
    toml.write_text('servers = ["debian", "moto"]\n' + toml.read_text())
    assert gate(guide, "--collect-only", "-q").outlines[:4] == [
        "samples/tiny/sdk.toml::recording",
        "samples/tiny/sdk.toml::step-01 do 1",
        "samples/tiny/sdk.toml::on debian over TLS",
        "samples/tiny/sdk.toml::on moto",
    ]
    ran = gate(guide, "-k", "moto")
    ran.assert_outcomes(passed=1)
    guide.program.write_text(guide.program.read_text().replace("[:4]", "[:3]"))
    ran = gate(guide, "-k", "moto")
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["samples/tiny/tiny.py:1: *", "*-tiny", "*+tin"])


def test_a_block_of_another_way_is_checked_as_well(
    make_guide: MakeGuide, gate: Gate, record: Record
) -> None:
    guide = make_guide("print(1)", "print(2)")
    record(guide)
    only_recorded(guide, "sh", "-c", "! grep -Hn gnat $0", "{sample}")
    toml = guide.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text() + '\n[[way]]\nname = "k"\nsample = "k.py"\n')
    (guide.sdk_folder / "k.py").write_text("# step-1\nprint('gnat')\n# step-2\n")
    steps = guide.samples / "tiny.toml"
    steps.write_text('[[way]]\nname = "k"\ntitle = "by k"\n' + steps.read_text())
    ran = gate(guide)
    ran.assert_outcomes(passed=2, failed=1)
    ran.stdout.fnmatch_lines(["samples/tiny/k.py:1: *", "samples/tiny/k.py:2:*gnat*"])
