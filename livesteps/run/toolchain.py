"""What this machine has of an SDK, and the commands of its sdk.toml, filled in."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import platformdirs

from livesteps.errors import Problem
from livesteps.read.sdk import SDK


def search_path() -> str:
    """PATH, with the commands that came with this Python before all others."""
    here = str(Path(sys.executable).parent)
    return os.pathsep.join([here, os.environ.get("PATH", os.defpath)])


def words(sdk: SDK, command: Sequence[str], sample: Path) -> list[str]:
    """A command, filled in for a copy of the program."""
    return [_filled(sdk, word, sample) for word in command]


def variables(sdk: SDK) -> dict[str, str]:
    """Its environment, filled in."""
    return {
        key: _filled(sdk, value, sdk.folder) for key, value in sdk.environment.items()
    }


def trusting(sdk: SDK, ca: Path) -> dict[str, str]:
    """The variables with which a program trusts the CA of this PEM file, beside
    which lies the trust store."""
    store = ca.with_suffix(".p12")
    return {
        key: value.replace("{ca}", str(ca)).replace("{truststore}", str(store))
        for key, value in sdk.ca.items()
    }


def libraries_of(sdk: SDK) -> Path:
    """Where its libraries are installed: another folder if anything differs."""
    assert sdk.install
    digest = digest_of(
        *sdk.install.command,
        *(f"{key}={value}" for key, value in sorted(sdk.environment.items())),
        version_of(sdk, "language"),
        *(f"{name}\0{_content(sdk.folder / name)}" for name in sdk.install.files),
    )
    name = f"{sdk.id}-{digest}"
    return platformdirs.user_cache_path("livesteps") / name / "tree"


def digest_of(*parts: str) -> str:
    """What is another name in the cache where any of the parts differs."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def check_machine(sdk: SDK) -> None:
    """`Problem` says what this machine lacks to run its samples."""
    for command in sdk.needs:
        if not shutil.which(command, path=search_path()):
            raise Problem(f"{command} is not installed", path=sdk.toml)
    version_of(sdk, "sdk")
    version_of(sdk, "language")


def version_of(sdk: SDK, what: str) -> str:
    """The version of the `sdk` or the `language`, as it is here.

    It is empty for a language that has none. `Problem` says what is missing.
    """
    command = getattr(sdk.versions, what)
    if command is None:
        return ""
    # Nothing is installed yet.
    environment = {k: v for k, v in sdk.environment.items() if "{" not in v}
    printed = _printed_by(sdk, command, environment)
    found = re.search(r"\d[\w.+~-]*", printed)
    if not found:
        raise Problem(f"`{_shown(sdk, command)}` printed no version", path=sdk.toml)
    return found[0]


def count_libraries(sdk: SDK) -> int:
    """How many libraries its programs need; they are installed.

    `Problem` says why they cannot be counted.
    """
    if not sdk.libraries:
        return 0
    printed = _printed_by(sdk, sdk.libraries, variables(sdk))
    return len({line.strip() for line in printed.splitlines()} - {""})


def _program(sdk: SDK) -> Path:
    """Any of its programs, for commands that ask about the SDK by one."""
    return next(sdk.path(name) for name in sdk.chapters if 0 not in sdk.gaps(name))


def _shown(sdk: SDK, command: Sequence[str]) -> str:
    return " ".join(words(sdk, command, Path(_program(sdk).name)))


def _filled(sdk: SDK, word: str, sample: Path) -> str:
    filled = word.replace("{python}", sys.executable)
    filled = filled.replace("{sample}", str(sample))
    filled = filled.replace("{built}", str(sample.with_suffix(".built")))
    if "{cache}" in word:
        filled = filled.replace("{cache}", str(libraries_of(sdk)))
    return filled


def _content(path: Path) -> str:
    return path.read_bytes().decode(errors="surrogateescape")


def _printed_by(
    sdk: SDK, command: Sequence[str], environment: Mapping[str, str]
) -> str:
    """What a command prints that asks this machine about the SDK."""
    filled = words(sdk, command, _program(sdk).absolute())
    everything = {**os.environ, "PATH": search_path(), **environment}
    try:
        return _output(tuple(filled), sdk.folder, tuple(sorted(everything.items())))
    except FileNotFoundError:
        raise Problem(f"{filled[0]} is not installed", path=sdk.toml) from None
    except subprocess.TimeoutExpired:
        raise Problem(
            f"`{_shown(sdk, command)}` did not end within 60 s", path=sdk.toml
        ) from None
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise Problem(
            f"`{_shown(sdk, command)}` failed: {last[0]}", path=sdk.toml
        ) from None


@cache
def _output(
    command: tuple[str, ...], folder: Path, environment: tuple[tuple[str, str], ...]
) -> str:
    """What a command prints; it is asked once, for that takes up to a second."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=folder,
        env=dict(environment),
    ).stdout
