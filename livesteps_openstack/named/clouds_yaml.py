"""An entry of clouds.yaml, read as openstacksdk reads it."""

from __future__ import annotations

import json
import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import requests
import yaml

from livesteps.plugin import Problem, nearest
from livesteps_openstack.session import unreachable

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

# We say what they warn of, or a person cannot mend it. Whoever
# has a handler keeps it.
for _name in ("keystoneauth", "openstack", "stevedore"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


def read_region(name: str, *, validate: bool = True) -> CloudRegion:
    """What openstacksdk makes of an entry; `Problem` says what is wrong with it.

    Nothing is asked of the cloud. Without `validate` it is not looked at whether
    the entry has all that its auth_type needs, and there is no plugin for that.
    """
    from keystoneauth1.exceptions import ClientException
    from openstack.config import loader  # takes a third of a second
    from openstack.exceptions import ConfigException
    from openstack.warnings import ConfigurationWarning

    # openstacksdk leaves out what it cannot read, and takes another file.
    _check(_files("OS_CLIENT_CONFIG_FILE", loader.CONFIG_FILES), name)
    _check(_files("OS_CLIENT_SECURE_FILE", loader.SECURE_FILES), name)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Couldn't find the vendor profile")
        try:
            config = loader.OpenStackConfig()
            # Without any clouds.yaml it still tells of one, named so.
            names = [each for each in config.get_cloud_names() if each != "defaults"]
            if name not in names:
                raise Problem(
                    f"clouds.yaml has no cloud '{name}'",
                    nearest(name, names)
                    if names
                    else "write one, by `livesteps cloud --clouds-yaml FILE`",
                )
            return config.get_one(name, validate=validate)
        except (ConfigException, ConfigurationWarning, ClientException) as error:
            raise Problem(
                f"cloud '{name}': {error}", "mend its entry in clouds.yaml"
            ) from None
        except requests.RequestException as error:
            problem = unreachable(error)
            raise Problem(
                f"cloud '{name}': for its profile, {problem.what}", problem.todo
            ) from None
        except (AttributeError, LookupError, TypeError, ValueError):
            # openstacksdk takes for granted that all is in its place.
            raise Problem(
                f"cloud '{name}': its entry is not as openstacksdk reads it",
                "compare it with one that `livesteps cloud --clouds-yaml FILE` writes",
            ) from None


def _files(variable: str, usual: list[str]) -> list[Path]:
    """Where openstacksdk looks, in its order."""
    given = os.environ.get(variable)
    return [Path(path) for path in ([given] if given else []) + usual]


def _check(files: list[Path], name: str) -> None:
    """Say what is wrong with the first that is there, or with an entry in it."""
    path = next((path for path in files if path.exists()), None)
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise Problem(
            f"it cannot be read: {error.strerror}",
            "make it a file that you may read",
            path=path,
        ) from None
    except (ValueError, yaml.YAMLError) as error:
        # What YAML says besides shows the line, with a password perhaps.
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", 1)
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise Problem(
            f"it is not {kind}", "mend this line, or one above", path=path, line=line
        ) from None
    clouds = content.get("clouds") if isinstance(content, dict) else None
    if not isinstance(clouds, dict):
        raise Problem(
            "it has no 'clouds', with the clouds by name below it",
            "write them as `livesteps cloud --clouds-yaml FILE` does",
            path=path,
        )
    entry = clouds.get(name, {})
    if not isinstance(entry, dict) or not isinstance(entry.get("auth", {}), dict):
        raise Problem(
            f"cloud '{name}' has no 'auth' with keys below it",
            "write it as `livesteps cloud --clouds-yaml FILE` does",
            path=path,
        )
