"""The pytest plugin: every sdk.toml of a guide is collected, one item a step.

A sample that is recorded only has no items of steps, since it does not run
here, but one of what looks at the program without running it.
"""

from __future__ import annotations

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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the servers, if a step needed them."""
    from livesteps.gate.backends import BACKENDS

    if backends := session.config.stash.get(BACKENDS, None):
        backends.close()


def _is_sdk(path: Path) -> bool:
    return path.name == "sdk.toml" and (path.parents[1] / "guide.toml").is_file()


def _has_guide(config: pytest.Config) -> bool:
    """Whether the project that is tested has a guide."""
    return (config.rootpath / "samples" / "guide.toml").is_file()
