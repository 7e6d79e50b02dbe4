"""How servers differ: gaps, which must be there, and texts that mean the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from small import ROOT, Guide

from livesteps.errors import Problem
from livesteps.read.chapter import load_chapter
from livesteps.read.deviations import Server, load_servers, missing
from livesteps.run.backend import Backend
from livesteps.run.batch import Outcome, State, run_batch
from livesteps.run.program import Program
from livesteps.run.run import Result, Run
from livesteps_openstack.segments import Segment, segments_in

MakeGuide = Callable[..., Guide]
STEPS = load_chapter(ROOT / "samples" / "durability.toml")

GAP = """\
[[gap]]
server = "ceph"
key = "reads"
reason = "It cannot be read."
link = "https://example.org/issues/1"
"""
READS = 'holds = {}\nreads = ["missing"]'


def declare(guide: Guide, text: str = GAP) -> Server:
    """Write servers.toml; what it says of Ceph."""
    (guide.samples / "servers.toml").write_text(text)
    return load_servers(guide.chapter)["ceph"]


def results(guide: Guide, backend: Backend, server: Server) -> list[Result]:
    """What comes of a run, as if on this server."""
    with Program(guide.sdk, guide.chapter) as program:
        account = backend.account("tiny")
        run = Run(
            program,
            account,
            fractals="http://x",
            pictures={},
            server=server,
            deadline=20,
        )
        return list(run)


def test_a_gap_is_a_key_that_does_not_hold(
    make_guide: MakeGuide, backend: Backend
) -> None:
    guide = make_guide("print(1)", contracts=[READS])
    [failed] = results(guide, backend, load_servers(guide.chapter)["ceph"])
    assert "expected a GET or HEAD of 'missing', found none" in str(failed.failure)
    [passed] = results(guide, backend, declare(guide))
    assert passed.failure is None


def test_the_rest_of_the_contract_must_hold(
    make_guide: MakeGuide, backend: Backend
) -> None:
    contract = 'holds = { box = [] }\nreads = ["missing"]'
    guide = make_guide("print(1)", contracts=[contract])
    [failed] = results(guide, backend, declare(guide))
    assert failed.failure
    assert failed.failure.reasons == ("containers: 'box' is missing",)


def test_a_server_gap_that_is_closed_must_go(
    make_guide: MakeGuide, backend: Backend
) -> None:
    block = (
        "import openstack\n"
        "print(len(list(openstack.connect().object_store.containers())))"
    )
    guide = make_guide(block, contracts=['holds = {}\nreads = [""]'])
    server = declare(guide, "# One line more.\n" + GAP)
    [failed] = results(guide, backend, server)
    assert failed.failure
    assert failed.failure.reasons == (
        "'reads' is declared a gap of ceph, and holds there; take the gap out of"
        f" {guide.samples / 'servers.toml'}:2, or name the SDK in its 'except'",
    )
    [passed] = results(
        guide,
        backend,
        declare(guide, GAP.replace("reason", 'except = ["tiny"]\nreason')),
    )
    assert passed.failure is None


def test_what_a_cloud_says_itself_need_not_be_so(
    make_guide: MakeGuide, backend: Backend
) -> None:
    guide = make_guide("print(1)", contracts=["holds = {}"])
    said = missing({"swift": {"version": "2.38.3"}}, STEPS)
    assert [gap.key for gap in said.gaps] == ["shares"]
    [passed] = results(guide, backend, said)
    assert passed.failure is None


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('"ceph"', '"cephh"', 2, "gap.server: unknown 'cephh'; did you mean 'ceph'?"),
        ('"reads"', '"read"', 3, "gap.key: unknown 'read'; did you mean 'reads'?"),
        ('"reads"', '"holds"', 3, "gap.key: unknown 'holds'; known: downloads, "),
        (
            *("reason", 'except = ["tiny", "tony"]\nreason', 4),
            "gap.except: unknown 'tony'; did you mean 'tiny'?",
        ),
        ("reason", "raeson", 4, "unknown key 'raeson'; did you mean 'reason'?"),
        ("[[gap]]", "[[gasp]]", 1, "unknown key 'gasp'; did you mean 'gap'?"),
        ("link =", "# link =", 1, "key 'link' is missing; add it"),
        (
            *("[[gap]]", '[[difference]]\nserver = "swift"\nrecorded = ""\n', 2),
            "difference.server: unknown 'swift'; known: ceph, debian, moto",
        ),
    ],
)
def test_a_mistake_in_servers_toml_is_shown_on_its_line(
    old: str, new: str, line: int, said: str, make_guide: MakeGuide
) -> None:
    if "difference" in new:
        new += 'there = ""\n[[gap]]'
    guide = make_guide("print(1)")
    with pytest.raises(Problem) as raised:
        declare(guide, GAP.replace(old, new, 1))
    assert str(raised.value).startswith(f"{guide.samples / 'servers.toml'}:{line}: ")
    assert said in str(raised.value)


def test_texts_that_mean_the_same_are_the_same_wherever_they_stand() -> None:
    ceph = load_servers(STEPS)["ceph"]
    there = ceph.levelled("1 byte, binary/octet-stream")
    assert there == ceph.levelled("1 byte, application/octet-stream")
    assert there != ceph.levelled("1 byte, image/png")
    for name in ("swift", "debian", "moto"):
        assert not load_servers(STEPS)[name].differences
        assert not load_servers(STEPS)[name].gaps


def test_a_cloud_lacks_what_its_info_does_not_name() -> None:
    whole = {"swift": {"version": "2.38.3"}, "tempurl": {}, "slo": {}}
    said = missing(whole, STEPS)
    assert (said.gaps, said.without) == ((), {})
    assert missing({}, STEPS) == said
    said = missing({"swift": {}, "tempurl": {}}, STEPS)
    assert said.without == {14: "this cloud has no static large objects"}
    assert not said.gaps
    said = missing({"swift": {"version": "2.38.3"}, "slo": {}}, STEPS)
    [gap] = said.gaps
    assert gap.reason == "this cloud has no temporary URLs"
    assert [step.number for step in STEPS.steps if gap.concerns("any", step)] == [16]


def test_a_cloud_that_is_ceph_has_its_gaps() -> None:
    info = {"swift": {"version": "18.2.7"}, "tempurl": {}, "slo": {}}
    said = missing(info, STEPS)
    assert [gap.key for gap in said.gaps] == ["shares"]
    assert said.gap("boto3", STEPS.steps[15]) is None
    assert said.gap("libcloud", STEPS.steps[15])


ONE, TWO = "0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"


def test_segments_are_found_by_their_size_and_etag() -> None:
    def entry(name: str, md5: str) -> dict[str, object]:
        return {"name": name, "hash": md5, "bytes": 1}

    both = hashlib.md5((ONE + TWO).encode(), usedforsecurity=False).hexdigest()
    listings = {
        "empty": [],
        "other": [entry("x/0", TWO), entry("x/1", ONE)],
        "there": [entry("w", ONE), entry("x/0", ONE), entry("x/1", TWO)],
    }
    assert segments_in(listings, 2, both) == (
        Segment("there", "x/0", 1, ONE),
        Segment("there", "x/1", 1, TWO),
    )
    assert segments_in(listings, 3, both) == ()
    assert segments_in({}, 2, both) == ()


def test_what_a_cloud_has_not_is_no_failure_of_an_sdk(
    make_guide: MakeGuide, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = make_guide(
        "print(1)", "print(2)", contracts=["holds = {}", "holds = { box = [] }"]
    )
    reason = "this cloud has no boxes"
    server = Server(guide.samples / "servers.toml", without={2: reason})
    monkeypatch.setattr(backend, "server", server)
    monkeypatch.setattr(backend, "steps", guide.chapter)
    outcome = Outcome(guide.sdk)
    run_batch(backend, [outcome], lambda _: None, compare=False)
    assert (outcome.state, outcome.failure) == (State.NOT_RUN, None)
    assert outcome.why == f"not beyond step 1: {reason}"
