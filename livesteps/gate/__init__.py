"""The pytest plugin: every sdk.toml of a guide is collected, one item a step.

A sample that is recorded only has no items of steps, since it does not run
here, but one of what looks at the program without running it.
"""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from livesteps.gate.collect import SDKFile


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SDKFile | None:
    """Collect `samples/<sdk>/sdk.toml`, beside whose folder there is a guide.toml."""
    if not _is_sdk(file_path):
        return None
    from livesteps.gate.collect import SDKFile

    return SDKFile.from_parent(parent, path=file_path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, keep what is in one file together: its steps are one run."""
    if config.getoption("dist") != "load" or not _has_guide(config):
        return None
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


def _is_sdk(path: Path) -> bool:
    return path.name == "sdk.toml" and (path.parent.parent / "guide.toml").is_file()


def _has_guide(config: pytest.Config) -> bool:
    """Whether the project is a guide's, or what is to be collected has a guide in it.

    Who schedules is asked before anything is collected, and in a process that
    collects nothing: so it looks where pytest will.
    """
    if (config.rootpath / "samples" / "guide.toml").is_file():
        return True
    start = config.invocation_params.dir
    return any(_leads_to_sdk(start / arg.split("::")[0], config) for arg in config.args)


def _leads_to_sdk(path: Path, config: pytest.Config) -> bool:
    """Whether a path that pytest was given is that of an SDK, or of a folder above."""
    if not path.is_dir():
        return _is_sdk(path)
    skipped = config.getini("norecursedirs")
    for folder, folders, files in os.walk(path):
        if "guide.toml" in files and any(Path(folder).glob("*/sdk.toml")):
            return True
        folders[:] = [
            each
            for each in folders
            if not any(fnmatch(each, pattern) for pattern in skipped)
            and not Path(folder, each, "pyvenv.cfg").exists()
        ]
    return False
