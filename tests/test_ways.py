"""Other ways to connect: a block in place of step 1's, and a server over HTTPS."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import SmallGuide, write_guide

from livesteps.errors import Problem
from livesteps.read.guide import Guide
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps_openstack.accounts import Embedded
from livesteps_openstack.cloud import Cloud, supported
from livesteps_openstack.servers.swift import Swift

with warnings.catch_warnings():
    # WebOb, which this imports, still imports cgi.
    warnings.simplefilter("ignore", DeprecationWarning)
    from keystoneauth1 import session
    from keystoneauth1.identity import v3

NAME = "application-credential"

BLOCK = f"""
[[way]]
name = "{NAME}"
sample = "other.py"
"""
NONE = f"""
[[way]]
name = "{NAME}"
reason = "It has no call for that."
link = "https://example.org/issues/1"
"""


def guide_with(folder: Path, way: str, block: str) -> SmallGuide:
    """A guide of two steps whose SDK has another way."""
    small = write_guide(folder, ["import os\n\n\n\nprint('first')", "print(os.sep)"])
    toml = small.sdk_folder / "sdk.toml"
    toml.write_text(toml.read_text() + way)
    (small.sdk_folder / "other.py").write_text(block)
    return small


def test_the_block_takes_the_place_of_step_1(tmp_path: Path) -> None:
    block = "# step-1\nimport os\nprint('other')\n# step-2\n"
    sdk = guide_with(tmp_path, BLOCK, block).sdk
    first = sdk.sample_of("tiny")
    sample = first.by(sdk.block_of(NAME))
    assert sample.block(1).strip() == "import os\nprint('other')"
    assert sample.block(2) == first.block(2)
    # Errors of the later steps still name the published line.
    assert sample.line_of(2) == first.line_of(2)
    assert sample.text.splitlines()[1:3] == ["import os", "print('other')"]
    assert (sample.path_of(1).name, sample.path_of(2).name) == ("other.py", "tiny.py")


def test_a_longer_block_moves_the_markers_with_it(tmp_path: Path) -> None:
    block = "# step-1\nimport os\n" + "print('other')\n" * 9 + "# step-2\n"
    sdk = guide_with(tmp_path, BLOCK, block).sdk
    first = sdk.sample_of("tiny")
    sample = first.by(sdk.block_of(NAME))
    lines = sample.text.splitlines()
    assert [lines[line - 1] for line in sample.markers] == [
        "# step-1",
        "# step-2",
        "# step-3",
    ]
    assert sample.block(2) == first.block(2)


@pytest.mark.parametrize(
    ("way", "block", "message"),
    [
        ("", "", f"its sdk.toml does not name the way '{NAME}'"),
        (NONE, "", "It has no call for that."),
        (BLOCK, "# step-1\na = 1\n# step-2\nb = 2\n# step-3\n", "it has 2 steps; end"),
        (BLOCK, "# step-2\n", "marker 'step-2' comes where '# step-1' is due"),
    ],
)
def test_a_way_that_is_none_says_why(
    tmp_path: Path, way: str, block: str, message: str
) -> None:
    sdk = guide_with(tmp_path, way, block).sdk
    with pytest.raises(Problem, match=message):
        sdk.block_of(NAME)


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (f'\n[[way]]\nname = "{NAME}"\n', "give 'sample', or 'reason' and 'link'"),
        (BLOCK.replace("other", "another"), "there is no file 'another.py'"),
        (BLOCK + 'reason = "none"\n', "give 'sample', or 'reason' and 'link'"),
    ],
)
def test_a_way_in_sdk_toml_is_checked(tmp_path: Path, way: str, message: str) -> None:
    small = guide_with(tmp_path, way, "")
    with pytest.raises(Problem, match=message) as caught:
        _ = small.sdk
    assert caught.value.line
    toml = small.sdk_folder / "sdk.toml"
    line = toml.read_text().splitlines()[caught.value.line - 1]
    assert line.startswith(("[[way]]", "sample"))


def test_every_sdk_has_each_way_or_says_why(guide: Guide) -> None:
    ways = guide.chapters["durability"].ways
    for sdk in guide.sdks.values():
        assert sdk.ways.keys() == ways.keys(), sdk.toml
        for way in sdk.ways.values():
            assert bool(way.sample) != bool(way.reason and way.link), sdk.toml
            if way.sample:
                assert sdk.block_of(way.name).steps == 1


def test_every_sdk_says_how_it_trusts_a_private_ca(guide: Guide) -> None:
    for sdk in guide.sdks.values():
        trusting = toolchain.trusting(sdk, Path("/somewhere/ca.pem")).values()
        assert any("/somewhere/ca." in value for value in trusting), sdk.toml


@pytest.fixture(scope="module")
def tls() -> Iterator[Cloud]:
    """A cloud that is reached over HTTPS."""
    if why := supported():
        pytest.skip(why)
    with Cloud(tls=True) as running:
        yield running


def test_only_who_trusts_the_ca_gets_an_answer(tls: Cloud) -> None:
    project = tls.project("tls")
    assert project.auth_url.startswith("https://")
    assert project.storage_url.startswith("https://")
    direct = urllib.request.ProxyHandler({})
    url = f"{project.storage_url}/info"
    stranger = urllib.request.build_opener(direct)
    with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
        stranger.open(url, timeout=30)
    trusting = urllib.request.HTTPSHandler(
        context=ssl.create_default_context(cafile=tls.ca)
    )
    with urllib.request.build_opener(direct, trusting).open(url, timeout=30) as answer:
        assert answer.status == 200
    # The listener outlives a client that went away during the handshake.
    with urllib.request.build_opener(direct, trusting).open(url, timeout=30) as answer:
        assert answer.status == 200


def test_a_program_connects_by_an_application_credential(
    borrowed: Backend, tmp_path: Path
) -> None:
    show = (
        "# step-1\nimport os\n"
        "names = {name for name in os.environ if name.startswith('OS_')}\n"
        "print(*sorted(names))\n# step-2\n"
    )
    small = guide_with(tmp_path, BLOCK, show)
    with (
        Backend(small.guide, Swift(small.guide, way=NAME)) as backend,
        Program(small.sdk, small.chapter, way=NAME) as program,
        backend.run(program) as run,
    ):
        first, second = list(run)
    assert not second.failure
    assert first.output.split() == [
        "OS_APPLICATION_CREDENTIAL_ID",
        "OS_APPLICATION_CREDENTIAL_SECRET",
        "OS_AUTH_TYPE",
        "OS_AUTH_URL",
        "OS_IDENTITY_API_VERSION",
        "OS_INTERFACE",
        "OS_REGION_NAME",
    ]


def test_a_failure_in_the_block_names_its_file(
    borrowed: Backend, tmp_path: Path
) -> None:
    block = "# step-1\nimport os\nraise SystemExit(f'{__file__}:3: no')\n# step-2\n"
    small = guide_with(tmp_path, BLOCK, block)
    with (
        Backend(small.guide, Swift(small.guide, way=NAME)) as backend,
        Program(small.sdk, small.chapter, way=NAME) as program,
        backend.run(program) as run,
    ):
        (result,) = list(run)
    assert result.failure
    assert result.failure.path.name == "other.py"
    assert "other.py:3: no" in result.stderr


def test_a_project_of_another_domain_and_interface(tls: Cloud) -> None:
    project = tls.project("weit weg", domain="Länder", interface="internal")
    environment = project.environment()
    assert environment["OS_USER_DOMAIN_NAME"] == "Länder"
    assert environment["OS_INTERFACE"] == "internal"
    again = tls.project("in the same one", domain="Länder")
    assert again.domain_id == project.domain_id != "default"
    # Programs that look for the name `swift`, or take what is public, find nothing.
    user = v3.Password(
        auth_url=project.auth_url,
        username=project.name,
        password=project.password,
        project_name=project.name,
        user_domain_name="L\u00e4nder",
        project_domain_name="L\u00e4nder",
    )
    catalog = user.get_access(session.Session(verify=str(tls.ca))).service_catalog
    found = {
        interface: catalog.url_for("object-store", interface, "RegionOne")
        for interface in ("internal", "public")
    }
    assert found["internal"] == f"{project.storage_url}/v1/AUTH_{project.id}"
    assert found["public"] == "http://127.0.0.1:9"
    names = {service["name"] for service in catalog.catalog}
    assert "swift" not in names


def test_its_secret_is_one(tls: Cloud) -> None:
    account = Embedded(tls, "secretive", way=NAME)
    secret = account.environment["OS_APPLICATION_CREDENTIAL_SECRET"]
    assert account.secrets[secret] == "the application credential's secret"
    assert "OS_PASSWORD" not in account.environment
