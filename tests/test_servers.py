"""How servers differ: gaps, which must be there, and texts that mean the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from small import SmallGuide

from livesteps.errors import Problem
from livesteps.read.deviations import Deviations
from livesteps.read.guide import Guide
from livesteps.run.backend import Backend
from livesteps.run.batch import Batch
from livesteps.run.outcome import Outcome, State
from livesteps.run.program import Program
from livesteps.run.run import Result, Run
from livesteps_openstack.segments import Segment, segments_in
from livesteps_openstack.servers.clouds_yaml import missing
from livesteps_openstack.servers.swift import Swift

MakeGuide = Callable[..., SmallGuide]

GAP = """\
[[gap]]
server = "ceph"
key = "reads"
reason = "It cannot be read."
link = "https://example.org/issues/1"
"""
READS = 'holds = {}\nreads = ["missing"]'


def declare(small: SmallGuide, text: str = GAP) -> Deviations:
    """Write servers.toml; what it says of Ceph."""
    (small.samples / "servers.toml").write_text(text)
    return small.guide.deviations["ceph"]


def results(
    small: SmallGuide, backend: Backend, deviations: Deviations
) -> list[Result]:
    """What comes of a run, as if on a server that differs so."""
    with Program(small.sdk, small.chapter) as program:
        run = Run(
            program,
            backend.account(small.sdk, small.chapter),
            services={},
            words=small.guide.plugins.vocabulary,
            deviations=deviations,
            deadline=20,
        )
        return list(run)


def test_a_gap_is_a_key_that_does_not_hold(
    make_guide: MakeGuide, backend: Backend
) -> None:
    small = make_guide("print(1)", contracts=[READS])
    [failed] = results(small, backend, small.guide.deviations["ceph"])
    assert "expected a GET or HEAD of 'missing', found none" in str(failed.failure)
    [passed] = results(small, backend, declare(small))
    assert passed.failure is None


def test_the_rest_of_the_contract_must_hold(
    make_guide: MakeGuide, backend: Backend
) -> None:
    contract = 'holds = { box = [] }\nreads = ["missing"]'
    small = make_guide("print(1)", contracts=[contract])
    [failed] = results(small, backend, declare(small))
    assert failed.failure
    assert failed.failure.reasons == ("containers: 'box' is missing",)


def test_a_server_gap_that_is_closed_must_go(
    make_guide: MakeGuide, backend: Backend
) -> None:
    block = (
        "import openstack\n"
        "print(len(list(openstack.connect().object_store.containers())))"
    )
    small = make_guide(block, contracts=['holds = {}\nreads = [""]'])
    [failed] = results(small, backend, declare(small, "# One line more.\n" + GAP))
    assert failed.failure
    assert failed.failure.reasons == (
        "'reads' is declared a gap of ceph, and holds there; take the gap out of"
        f" {small.samples / 'servers.toml'}:2, or name the SDK in its 'except'",
    )
    able = declare(small, GAP.replace("reason", 'except = ["tiny"]\nreason'))
    [passed] = results(small, backend, able)
    assert passed.failure is None


def test_what_a_cloud_says_itself_need_not_be_so(
    make_guide: MakeGuide, backend: Backend, guide: Guide
) -> None:
    small = make_guide("print(1)", contracts=["holds = {}"])
    said = missing({"swift": {"version": "2.38.3"}}, guide)
    assert [gap.key for gap in said.gaps] == ["shares"]
    [passed] = results(small, backend, said)
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
    small = make_guide("print(1)")
    with pytest.raises(Problem) as raised:
        declare(small, GAP.replace(old, new, 1))
    assert str(raised.value).startswith(f"{small.samples / 'servers.toml'}:{line}: ")
    assert said in str(raised.value)


def test_texts_that_mean_the_same_are_the_same_wherever_they_stand(
    guide: Guide,
) -> None:
    ceph = guide.deviations["ceph"]
    there = ceph.levelled("1 byte, binary/octet-stream")
    assert there == ceph.levelled("1 byte, application/octet-stream")
    assert there != ceph.levelled("1 byte, image/png")
    for name in ("swift", "debian", "moto"):
        assert not guide.deviations[name].differences
        assert not guide.deviations[name].gaps


def test_a_cloud_lacks_what_its_info_does_not_name(guide: Guide) -> None:
    whole = {"swift": {"version": "2.38.3"}, "tempurl": {}, "slo": {}}
    said = missing(whole, guide)
    assert (said.gaps, said.without) == ((), {})
    assert missing({}, guide) == said
    said = missing({"swift": {}, "tempurl": {}}, guide)
    assert said.without == {
        ("durability", 14): "this cloud has no static large objects"
    }
    assert not said.gaps
    said = missing({"swift": {"version": "2.38.3"}, "slo": {}}, guide)
    [gap] = said.gaps
    assert gap.reason == "this cloud has no temporary URLs"
    steps = guide.chapters["durability"].steps
    assert [step.number for step in steps if gap.concerns("any", step)] == [16]


def test_a_cloud_that_is_ceph_has_its_gaps(guide: Guide) -> None:
    info = {"swift": {"version": "18.2.7"}, "tempurl": {}, "slo": {}}
    said = missing(info, guide)
    assert [gap.key for gap in said.gaps] == ["shares"]
    step = guide.chapters["durability"].steps[15]
    assert said.gap("boto3", step) is None
    assert said.gap("libcloud", step)


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
    make_guide: MakeGuide, borrowed: Backend
) -> None:
    small = make_guide(
        "print(1)", "print(2)", contracts=["holds = {}", "holds = { box = [] }"]
    )
    reason = "this cloud has no boxes"

    class WithoutBoxes(Swift):
        def deviations(self) -> Deviations:
            path = small.samples / "servers.toml"
            return Deviations(path, without={("tiny", 2): reason})

    outcome = Outcome(small.sdk, small.chapter, "tiny")
    with Backend(small.guide, WithoutBoxes(small.guide)) as backend:
        Batch(backend, lambda _: None, compare=False).run([outcome])
    assert (outcome.state, outcome.failure) == (State.NOT_RUN, None)
    assert outcome.why == f"not beyond step 1: {reason}"
