"""What the page on getting started tells a reader to do, done."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import textwrap
import warnings
from pathlib import Path

import pytest
import trustme
import yaml
from click.testing import CliRunner

from livesteps.cli import main
from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.cloud.project import Credential

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


@pytest.fixture
def project(cloud: Cloud, request: pytest.FixtureRequest) -> Project:
    return cloud.project(f"reader of {request.node.name}")


def entry_of(text: str, values: dict[str, str]) -> tuple[str, dict[str, object]]:
    """The one cloud of a clouds.yaml, with a reader's own values."""
    [(name, entry)] = yaml.safe_load(text)["clouds"].items()
    assert values.keys() <= entry["auth"].keys()
    entry["auth"] |= values
    return name, entry


def connect(folder: Path, text: str, values: dict[str, str]) -> Connection:
    name, entry = entry_of(text, values)
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
    credential = Credential("its id", "its secret")
    by_password, by_credential = (
        dict(re.findall(r"^export (\w+)=(.*)", block, re.MULTILINE))
        for block in blocks("shell")
        if "OS_AUTH_URL" in block
    )
    assert by_password.keys() <= project.environment().keys()
    printed = project.environment(credential)
    assert by_credential.keys() <= printed.keys()
    assert by_credential["OS_AUTH_TYPE"] == printed["OS_AUTH_TYPE"]


def test_keytool_makes_a_trust_store_of_a_certificate(tmp_path: Path) -> None:
    if not shutil.which("keytool"):
        pytest.skip("no keytool here (Debian: apt install default-jre-headless)")
    [written] = [block for block in blocks("console") if "keytool" in block]
    command, _, run = written.replace("\\\n", "").partition("\n")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    subprocess.run(
        shlex.split(command.removeprefix("$ ")), cwd=tmp_path, check=True, timeout=60
    )
    # Java takes the store by these options, and says what is in it.
    options = shlex.split(run.removeprefix("$ "))[1:-1]
    assert all(option.startswith("-Djavax.net.ssl.trustStore") for option in options)
    listed = subprocess.run(
        ["keytool", "-list", "-keystore", "ca.p12", "-storepass", "changeit"],
        cwd=tmp_path,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert "trustedCertEntry" in listed.stdout


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
