"""What the page on getting started tells a reader to do, done."""

from __future__ import annotations

import re
import shlex
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from livesteps.cli import main
from livesteps.cloud import Cloud, Project, supported

with warnings.catch_warnings():
    # WebOb, which this imports, still imports cgi.
    warnings.simplefilter("ignore", DeprecationWarning)
    from openstack.config import OpenStackConfig
    from openstack.connection import Connection

PAGE = Path(__file__).parents[1] / "doc" / "getting_started.rst"


def blocks(language: str) -> list[str]:
    """The page's blocks of code in a language."""
    found = re.findall(
        rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)",
        PAGE.read_text(),
        re.MULTILINE,
    )
    return [textwrap.dedent(block).strip() for block in found]


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    if why := supported():
        pytest.skip(why)
    with Cloud() as cloud:
        yield cloud.project("reader")


def cloud_of(text: str, values: dict[str, str]) -> tuple[str, dict[str, object]]:
    """The one cloud of a clouds.yaml, with a reader's own values."""
    [(name, entry)] = yaml.safe_load(text)["clouds"].items()
    assert values.keys() <= entry["auth"].keys()
    entry["auth"] |= values
    return name, entry


def connect(folder: Path, text: str, values: dict[str, str]) -> Connection:
    name, entry = cloud_of(text, values)
    path = folder / "clouds.yaml"
    path.write_text(yaml.safe_dump({"clouds": {name: entry}}))
    config = OpenStackConfig(
        config_files=[str(path)], secure_files=[], load_envvars=False
    )
    return Connection(config=config.get_one(name))


@pytest.mark.filterwarnings("ignore")  # of parts of openstacksdk unused here
def test_both_clouds_yaml_files_connect(project: Project, tmp_path: Path) -> None:
    by_password, by_credential = blocks("yaml")
    mine = {
        "auth_url": project.auth_url,
        "username": project.name,
        "password": project.password,
        "project_name": project.name,
    }
    with connect(tmp_path, by_password, mine) as cloud:
        assert list(cloud.object_store.containers()) == []
        made = cloud.identity.create_application_credential(
            cloud.current_user_id, "fractals"
        )
    credential = {
        "auth_url": project.auth_url,
        "application_credential_id": made.id,
        "application_credential_secret": made.secret,
    }
    with connect(tmp_path, by_credential, credential) as cloud:
        cloud.object_store.create_container(name="fractals")
        assert [each.name for each in cloud.object_store.containers()] == ["fractals"]


def test_the_variables_are_those_that_the_cloud_prints(project: Project) -> None:
    [openrc] = [block for block in blocks("shell") if "OS_AUTH_URL" in block]
    names = re.findall(r"^export (\w+)=", openrc, re.MULTILINE)
    assert set(names) <= project.environment().keys()


def test_each_command_of_the_tool_is_one(tmp_path: Path) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    commands = [shlex.split(line)[2:] for line in lines if "/bin/livesteps " in line]
    assert len(commands) >= 5
    for words in commands:
        # With --help, options are read and nothing is run.
        ran = CliRunner().invoke(main, [*words, "--help"])
        assert ran.exit_code == 0, f"{words}: {ran.output}"
        unknown = CliRunner().invoke(main, [*words, "--no-such-option", "--help"])
        assert unknown.exit_code == 2
