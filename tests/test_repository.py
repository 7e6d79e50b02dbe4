"""What a stranger relies on before anything runs: README's commands, the locks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
