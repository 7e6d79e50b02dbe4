"""What is built is built once for each content of a program, and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from small import SmallGuide

from livesteps.errors import Problem
from livesteps.run.build import KEPT, built
from livesteps.run.install import Failed

MakeGuide = Callable[..., SmallGuide]
Build = Callable[[str], AbstractContextManager[Path]]
BUILD = 'echo ran >> {log}; cp "$0" "$1"'


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is built for the SDK, in a cache of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "livesteps" / "tiny-built"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What every build writes a line to."""
    return tmp_path / "log"


@pytest.fixture
def build(make_guide: MakeGuide, log: Path) -> Build:
    """Build a text, as long as the context lasts."""
    small = make_guide("print(1)")
    toml = small.sdk_folder / "sdk.toml"
    shell = BUILD.format(log=log)
    words = f"build = ['sh', '-c', '''{shell}''', '{{sample}}', '{{built}}']\n"
    toml.write_text(words + toml.read_text())
    sdk = small.sdk
    return lambda text: built(sdk, "tiny.py", text, None, threading.Event())


def test_the_same_program_is_built_once(build: Build, log: Path) -> None:
    for _ in range(2):
        with build("print(1)") as program:
            assert program.with_suffix(".built").read_text() == "print(1)"
    assert log.read_text() == "ran\n"


def test_another_is_built_anew(build: Build, log: Path) -> None:
    for text in ("print(1)", "print(2)"):
        with build(text) as program:
            assert program.with_suffix(".built").read_text() == text
    assert log.read_text() == "ran\n" * 2


def test_what_did_not_end_is_built_again(build: Build, log: Path, cache: Path) -> None:
    with build("print(1)"):
        pass
    [folder] = cache.iterdir()
    (folder / "done").unlink()
    (folder / "program" / "tiny.built").write_text("half")
    with build("print(1)") as program:
        assert program.with_suffix(".built").read_text() == "print(1)"
    assert log.read_text() == "ran\n" * 2


def test_the_last_few_are_kept_and_what_runs(
    build: Build, log: Path, cache: Path
) -> None:
    with ExitStack() as stack:
        running = stack.enter_context(build("running"))
        for number in range(2 * KEPT):
            with build(f"print({number})"):
                pass
        assert running.with_suffix(".built").read_text() == "running"
        assert len(list(cache.glob("*/done"))) <= KEPT + 2
    count = log.read_text().count("ran")
    with build(f"print({2 * KEPT - 1})"):
        pass
    assert log.read_text().count("ran") == count


def test_two_build_it_once(build: Build, log: Path) -> None:
    def run() -> None:
        with build("print(1)"):
            pass

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert log.read_text() == "ran\n"


def test_a_build_that_fails_is_tried_again(
    make_guide: MakeGuide, tmp_path: Path
) -> None:
    small = make_guide("print(1)")
    toml = small.sdk_folder / "sdk.toml"
    ready = tmp_path / "ready"
    toml.write_text(f"build = ['test', '-e', '{ready}']\n" + toml.read_text())
    arguments = (small.sdk, "tiny.py", "print(1)", None, threading.Event())
    with pytest.raises(Failed, match="ended with status 1"), built(*arguments):
        pass
    ready.touch()
    with built(*arguments) as program:
        assert program.read_text() == "print(1)"


def test_a_cache_that_cannot_be_written_is_named(build: Build, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    said = r"tiny-built.*: cannot be written: .*; mend its"
    with pytest.raises(Problem, match=said), build("print(1)"):
        pass
