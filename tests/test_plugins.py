"""Plugins: what a guide.toml names is found, used, and named where it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from livesteps.errors import Problem
from livesteps.read.plugins import load_plugins
from livesteps.run.run import Run

if TYPE_CHECKING:
    from small import SmallGuide as Guide

MakeGuide = Callable[..., "Guide"]
Start = Callable[..., AbstractContextManager[Run]]

SHOUTS = '''\
"""Brings a contract kind."""

from livesteps.plugin import Kind, Name


class Shouts(Kind):
    """This word is in the output, in capital letters."""

    key = "shouts"
    type = str
    tables = {"words": dict[str, str]}
    sdk_keys = {"loudness": int}

    def names(self, value, step, chapter):
        yield Name("word", value, chapter.tables["words"])

    def check(self, value, seen):
        word = seen.chapter.tables["words"][value].upper()
        return [] if word in seen.output else [f"expected {word}, found none"]
'''
WORDS = '[words]\ngreeting = "hello"\n\n'


def spoil(guide: Guide, old: str, new: str) -> int:
    """Replace the first `old` in its guide.toml; the line where it stood."""
    path = guide.samples / "guide.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def shouting(guide: Guide) -> Guide:
    """Let the guide bring a kind of its own, and its chapter a table for that."""
    spoil(guide, '["openstack"]', '["openstack", "shouts.py"]')
    (guide.samples / "shouts.py").write_text(SHOUTS)
    toml = guide.samples / "tiny.toml"
    toml.write_text(WORDS + toml.read_text())
    return guide


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            *('plugins = ["openstack"]', 'plugins = ["opnestack"]'),
            "unknown plugin 'opnestack'; did you mean 'openstack'?",
        ),
        (
            *('plugins = ["openstack"]', 'plugins = ["openstack", "moon.py"]'),
            "there is no plugin 'moon.py' beside it; write it",
        ),
        (
            *('server = "swift"', 'server = "swfit"'),
            "unknown server 'swfit'; did you mean 'swift'?",
        ),
        (
            *('always = ["holds"]', 'always = ["hold"]'),
            "unknown key of a contract 'hold'; did you mean 'holds'?",
        ),
        (
            *('server = "swift"', 'sevrer = "swift"'),
            "unknown key 'sevrer'; did you mean 'server'?",
        ),
    ],
    ids=["plugin", "file", "server", "always", "key"],
)
def test_a_mistake_is_named_with_its_line(
    make_guide: MakeGuide, old: str, new: str, said: str
) -> None:
    small = make_guide("print(1)")
    line = spoil(small, old, new)
    with pytest.raises(Problem) as raised:
        _ = small.guide
    assert str(raised.value) == f"{small.samples / 'guide.toml'}:{line}: {said}"


def test_a_guide_without_plugins_has_no_server(make_guide: MakeGuide) -> None:
    small = make_guide("print(1)")
    spoil(small, 'plugins = ["openstack"]\n', "")
    with pytest.raises(Problem) as raised:
        _ = small.guide
    assert str(raised.value) == (
        f"{small.samples / 'guide.toml'}:3: unknown server 'swift';"
        " name a plugin that brings one"
    )


def test_a_file_of_the_guide_brings_a_kind_that_is_checked(
    make_guide: MakeGuide, start: Start
) -> None:
    contract = 'holds = {}\nshouts = "greeting"'
    small = make_guide("print('HELLO')", "print('hello')", contracts=[contract] * 2)
    with start(shouting(small)) as run:
        loud, low = list(run)
    assert loud.failure is None
    assert str(low.failure) == f"{small.program}:4: expected HELLO, found none"


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        ('holds = {}\nshuots = "greeting"', "unknown key 'shuots'; did you mean 'shou"),
        ('holds = {}\nshouts = "geeting"', "unknown word 'geeting'; did you mean 'gre"),
        ("holds = {}\nshouts = 1", "step.0.shouts: Input should be a valid string"),
    ],
    ids=["key", "name", "type"],
)
def test_what_a_step_says_in_vain_is_named_with_its_line(
    make_guide: MakeGuide, contract: str, said: str
) -> None:
    small = shouting(make_guide("print(1)", contracts=[contract]))
    with pytest.raises(Problem) as raised:
        _ = small.guide
    assert str(raised.value).startswith(f"{small.samples / 'tiny.toml'}:8: {said}")


def test_a_kind_brings_keys_of_an_sdk(make_guide: MakeGuide) -> None:
    small = shouting(make_guide("print(1)"))
    toml = small.sdk_folder / "sdk.toml"
    before = toml.read_text()
    toml.write_text("loudness = 11\n" + before)
    assert small.sdk.more == {"loudness": 11}
    toml.write_text("lowdness = 11\n" + before)
    with pytest.raises(Problem) as raised:
        _ = small.sdk
    said = "unknown key 'lowdness'; did you mean 'loudness'?"
    assert str(raised.value) == f"{toml}:1: {said}"


def test_a_plugin_that_is_wrong_is_read_again(make_guide: MakeGuide) -> None:
    small = shouting(make_guide("print(1)"))
    (small.samples / "shouts.py").write_text("raise RuntimeError('too loud')\n")
    with pytest.raises(RuntimeError, match="too loud"):
        load_plugins(["shouts.py"], small.samples)
    (small.samples / "shouts.py").write_text(SHOUTS)
    assert "shouts" in load_plugins(["shouts.py"], small.samples).kinds
