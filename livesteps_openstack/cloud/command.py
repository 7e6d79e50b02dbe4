"""A cloud for a person: started, shown as `OS_*` lines, kept until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from livesteps_openstack.cloud.folder import CloudError
from livesteps_openstack.cloud.parent import Cloud
from livesteps_openstack.cloud.project import Project

ENTRY = "livesteps"


def serve(state: Path | None, clouds_yaml: Path | None) -> None:
    """Run a cloud with the project `demo` until Ctrl-C or SIGTERM.

    Prints `export OS_...` lines on standard output. Writes the entry
    `livesteps` into the file `clouds_yaml`, if one is given, and leaves its
    other entries as they are. Raises `CloudError` where the cloud cannot start,
    where that file cannot be used, and where the cloud ends by itself.
    """
    entries = {} if clouds_yaml is None else _read(clouds_yaml)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with Cloud(state) as cloud:
            project = cloud.project("demo")
            if clouds_yaml is not None:
                entries.setdefault("clouds", {})[ENTRY] = _entry(project)
                _write(clouds_yaml, entries)
            for name, value in project.environment().items():
                print(f"export {name}={value}")
            sys.stdout.flush()
            print("The cloud is running; stop it with Ctrl-C.", file=sys.stderr)
            cloud.wait()
    except KeyboardInterrupt:
        print("The cloud has stopped.", file=sys.stderr)
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _entry(project: Project) -> dict[str, object]:
    """The project as openstacksdk reads it from a clouds.yaml."""
    return {
        "auth": {
            "auth_url": project.auth_url,
            "username": project.name,
            "password": project.password,
            "project_name": project.name,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": "RegionOne",
        "identity_api_version": 3,
        "interface": "public",
    }


def _read(path: Path) -> dict[str, dict[str, object]]:
    import yaml  # who is given no such file needs none

    if not path.exists():
        return {}
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CloudError(
            f"cannot be read as YAML: {error}", "mend it or move it away", path=path
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("clouds", {}), dict):
        raise CloudError(
            "is not a clouds.yaml: it has no mapping 'clouds'",
            "mend it or move it away",
            path=path,
        )
    return content


def _write(path: Path, content: dict[str, dict[str, object]]) -> None:
    """Put the file in place at once, readable by its owner alone."""
    import yaml

    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp gives the mode 0600.
        descriptor, draft = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with open(descriptor, "w") as file:
            yaml.safe_dump(content, file, sort_keys=False)
        os.replace(draft, path)
    except OSError as error:
        raise CloudError(
            f"cannot be written: {error.strerror}", "choose another file", path=path
        ) from error
