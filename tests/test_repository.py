"""What a stranger relies on before anything runs: README's commands, the locks."""

from __future__ import annotations

import configparser
import hashlib
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from livesteps.read.guide import load_guide

ROOT = Path(__file__).parents[1]


def pinned(path: Path) -> dict[str, str]:
    """The versions that a lock gives; for one it gives twice, the first."""
    found: dict[str, str] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)", path.read_text(), re.MULTILINE
    ):
        found.setdefault(name, version)
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-tox.txt"])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text())
    entries = [entry for entry in entries if not entry.startswith("#")]
    assert entries
    for entry in entries:
        assert "==" in entry.splitlines()[0]
        assert "--hash=sha256:" in entry


def test_tox_is_the_one_of_the_whole_lock() -> None:
    whole = pinned(ROOT / "requirements.txt")
    alone = pinned(ROOT / "requirements-tox.txt")
    assert "tox" in alone
    assert alone.items() <= whole.items()


def test_readme_has_two_commands_that_install_what_they_need() -> None:
    commands = re.findall(
        r"^    (python3 -m venv .*)$", (ROOT / "README.rst").read_text(), re.MULTILINE
    )
    assert [command.rpartition("/")[2] for command in commands] == [
        "tox -e guide",
        "tox",
    ]
    for command in commands:
        assert "-r requirements-tox.txt" in command


def test_every_required_package_is_locked() -> None:
    names = re.findall(
        r"^([\w.-]+)", (ROOT / "requirements.in").read_text(), re.MULTILINE
    )
    assert set(names) <= pinned(ROOT / "requirements.txt").keys()


def git(*arguments: str, cwd: Path = ROOT) -> str:
    """What a command of git prints."""
    ran = subprocess.run(
        ["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True
    )
    return ran.stdout


def test_a_clone_that_converts_line_ends_has_the_same_bytes(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    clone = tmp_path / "clone"
    git("clone", "-q", "-c", "core.autocrlf=true", str(ROOT), str(clone))
    names = git("ls-files", "-z", cwd=clone).split("\0")[:-1]
    asked = "".join(f"HEAD:{name}\n" for name in names)
    stored = subprocess.run(
        ["git", "cat-file", "--batch-check=%(objectname)"],
        cwd=clone,
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name, id_ in zip(names, stored, strict=True):
        content = (clone / name).read_bytes()
        header = f"blob {len(content)}\0".encode()
        assert (
            hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == id_
        ), name
    guide = load_guide(clone / "samples" / "guide.toml")
    for sdk in guide.sdks.values():
        for chapter in guide.programs(sdk):
            guide.recording(sdk, chapter)  # it is of the program, byte for byte


def test_hooks_before_a_commit_do_what_lint_does() -> None:
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    lines = tox["testenv:lint"]["commands"].strip().splitlines()
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    entries = [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]]
    done = {entry.removeprefix(".tox/lint/bin/").split()[0] for entry in entries}
    assert done == {line.split()[0] for line in lines}
