"""Entries of clouds.yaml: every way in, and one line for what is wrong."""

from __future__ import annotations

import datetime
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from webserver import Answer, answering, passed_on

from livesteps.errors import Problem
from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.cloud.project import Credential
from livesteps_openstack.contents import DistantContents
from livesteps_openstack.named.entry import Entry, read_entry
from livesteps_openstack.named.fit import Unfit
from livesteps_openstack.session import proxy_secrets

# Of openstacksdk, which is imported by who is first.
pytestmark = pytest.mark.filterwarnings("ignore:Support for InfluxDB")

DOMAIN = "Zürich GmbH"
Change = Callable[[dict[str, Any]], None]
Read = Callable[..., Entry]
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def project(cloud: Cloud) -> Project:
    return cloud.project("Käserei", domain=DOMAIN)


@pytest.fixture(scope="module")
def credential(cloud: Cloud, project: Project) -> Credential:
    return cloud.application_credential(project)


@pytest.fixture(scope="module")
def over_tls() -> Iterator[tuple[Path, Project]]:
    """A CA, and a project that is reached with a certificate of it."""
    with Cloud(tls=True) as running:
        assert running.ca
        yield running.ca, running.project("safe")


class Keystone:
    """Keystone's API, as somebody who has a token uses it."""

    def __init__(self, url: str, user: dict[str, Any], project: dict[str, Any]) -> None:
        self.url = url
        password = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": password, "scope": {"project": project}}}
        answer = requests.post(f"{url}/auth/tokens", json=body, timeout=30)
        answer.raise_for_status()
        self.token = answer.headers["X-Subject-Token"]

    def make(self, path: str, kind: str, **fields: object) -> dict[str, Any]:
        """Make something; what Keystone says of it."""
        answer = requests.post(
            f"{self.url}/{path}",
            json={kind: fields},
            headers={"X-Auth-Token": self.token},
            timeout=30,
        )
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()[kind]
        return made


@pytest.fixture
def admin(cloud: Cloud) -> Keystone:
    default = {"id": "default"}
    return Keystone(
        cloud.auth_url,
        {"name": "admin", "domain": default, "password": cloud.admin_password},
        {"name": "admin", "domain": default},
    )


@pytest.fixture
def user(project: Project) -> Keystone:
    return Keystone(
        project.main_auth_url,
        {"id": project.user_id, "password": project.password},
        {"id": project.id},
    )


def by_password(project: Project, **other: object) -> dict[str, object]:
    """What stands under `auth`, but for what is given; without what is None."""
    auth = {
        "auth_url": project.auth_url,
        "username": project.name,
        "password": project.password,
        "project_name": project.name,
        "user_domain_name": project.domain_name,
        "project_domain_name": project.domain_name,
        **other,
    }
    return {key: value for key, value in auth.items() if value is not None}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write a text as the caller's clouds.yaml."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "clouds.yaml"
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    monkeypatch.setenv("OS_CLIENT_SECURE_FILE", str(tmp_path / "secure.yaml"))

    def to(text: str) -> Path:
        path.write_text(text)
        return path

    return to


@pytest.fixture
def read(write: Callable[[str], Path]) -> Read:
    """Read an entry with this under `auth`, and this beside it."""

    def it(auth: dict[str, object], **beside: object) -> Entry:
        write(yaml.safe_dump({"clouds": {"mine": {"auth": auth, **beside}}}))
        return read_entry("mine")

    return it


@pytest.fixture
def refused(read: Read, capfd: pytest.CaptureFixture[str]) -> Refused:
    """What is said of an entry that is wrong: one line, and no secret in it."""

    def it(auth: dict[str, object], **beside: object) -> str:
        with pytest.raises(Problem) as caught:
            read(auth, **beside)
        said = str(caught.value)
        assert "\n" not in said
        assert said.startswith("cloud 'mine': ")
        assert caught.value.todo
        for key in ("password", "application_credential_secret", "token"):
            assert key not in auth or str(auth[key]) not in said
        assert capfd.readouterr() == ("", "")
        return said

    return it


def relay(
    url: str, change: Change = lambda token: None, host: str = "127.0.0.1"
) -> AbstractContextManager[str]:
    """Keystone, below whatever path, with what it says of a token changed."""

    def answer(method: str, path: str, headers: Message, body: bytes) -> Answer:
        root = url.removesuffix("/v3")
        below = path[path.rfind("/v3") :] if "/v3" in path else "/"
        status, kept, content = passed_on(root + below, method, headers, body)
        said = json.loads(content)
        if "token" in said:
            change(said["token"])
        return status, kept, json.dumps(said).encode()

    return answering(answer, host)


# By password


OTHERS: list[dict[str, str | None]] = [
    {},
    {"user_domain_name": None, "user_domain_id": "DOMAIN"},
    {"project_domain_name": None, "project_domain_id": "DOMAIN"},
    {"project_name": None, "project_id": "PROJECT", "project_domain_name": None},
    {"username": None, "user_id": "USER", "user_domain_name": None},
    {
        **{"user_domain_name": None, "project_domain_name": None},
        "domain_name": DOMAIN,
    },
    {
        **{"user_domain_name": None, "project_domain_name": None},
        "domain_id": "DOMAIN",
    },
    {
        **{"user_domain_name": None, "project_domain_name": None},
        "default_domain_name": DOMAIN,
    },
    {
        **{"user_domain_name": None, "project_domain_name": None},
        "default_domain_id": "DOMAIN",
    },
]
"""What an entry may have in place of names."""


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        (kind, other)
        for kind in ("password", "v3password")
        for other in OTHERS
        # keystoneauth's v3password has no default domain.
        if kind == "password" or not any(key.startswith("default_") for key in other)
    ],
)
def test_names_and_ids_are_those_that_keystone_says(
    project: Project, read: Read, other: dict[str, str | None], kind: str
) -> None:
    ids = {"DOMAIN": project.domain_id, "PROJECT": project.id, "USER": project.user_id}
    filled = {key: ids.get(value or "", value) for key, value in other.items()}
    entry = read(
        by_password(project, **filled), region_name="RegionOne", auth_type=kind
    )
    assert entry.environment == {
        "OS_AUTH_URL": project.auth_url,
        "OS_USERNAME": "Käserei",
        "OS_PASSWORD": project.password,
        "OS_PROJECT_NAME": "Käserei",
        "OS_USER_DOMAIN_NAME": DOMAIN,
        "OS_PROJECT_DOMAIN_NAME": DOMAIN,
        "OS_PROJECT_ID": project.id,
        "OS_PROJECT_DOMAIN_ID": project.domain_id,
        "OS_REGION_NAME": "RegionOne",
        "OS_IDENTITY_API_VERSION": "3",
        "OS_INTERFACE": "public",
    }
    assert entry.environment == project.environment()
    assert entry.url == f"{project.storage_url}/v1/AUTH_{project.id}"
    assert (entry.way, entry.ca, entry.verify) == ("", None, True)
    assert entry.secrets == {project.password: "the password"}
    assert project.password not in repr(entry)


def test_user_and_project_may_be_of_different_domains(
    cloud: Cloud, project: Project, admin: Keystone, read: Read
) -> None:
    roles = requests.get(
        f"{admin.url}/roles?name=member",
        headers={"X-Auth-Token": admin.token},
        timeout=30,
    ).json()["roles"]
    guest = admin.make(
        "users", "user", name="gäst", password="9 tails", domain_id="default"
    )
    requests.put(
        f"{admin.url}/projects/{project.id}/users/{guest['id']}/roles/{roles[0]['id']}",
        headers={"X-Auth-Token": admin.token},
        timeout=30,
    ).raise_for_status()
    auth = {"username": "gäst", "password": "9 tails", "user_domain_id": "default"}
    entry = read(by_password(project, user_domain_name=None, **auth))
    assert entry.environment["OS_USER_DOMAIN_NAME"] == "Default"
    assert entry.environment["OS_PROJECT_DOMAIN_NAME"] == DOMAIN
    assert entry.environment["OS_USERNAME"] == "gäst"


def test_a_password_may_stand_in_secure_yaml(
    project: Project, read: Read, tmp_path: Path
) -> None:
    secure = {"clouds": {"mine": {"auth": {"password": project.password}}}}
    (tmp_path / "secure.yaml").write_text(yaml.safe_dump(secure))
    entry = read(by_password(project, password=None))
    assert entry.environment["OS_PASSWORD"] == project.password


def test_what_is_missing_may_stand_in_a_profile(
    project: Project, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openstack.config import loader

    path = tmp_path / "clouds-public.yaml"
    profile = {"auth": {"auth_url": project.auth_url}, "region_name": "RegionOne"}
    path.write_text(yaml.safe_dump({"public-clouds": {"alps": profile}}))
    monkeypatch.setattr(loader, "VENDOR_FILES", [str(path)])
    entry = read(by_password(project, auth_url=None), profile="alps")
    assert entry.environment["OS_AUTH_URL"] == project.auth_url


def test_a_token_that_has_ended_is_followed_by_another(
    project: Project, read: Read
) -> None:
    entry = read(by_password(project))
    tokens = {entry.token, entry.renew(), entry.renew()}
    assert len(tokens) == 3
    for token in tokens:
        contents = DistantContents(entry.url, token, verify=entry.verify)
        assert contents.containers() == []
        contents.close()


# By application credential


def by_credential(project: Project, **fields: object) -> dict[str, object]:
    return {"auth_url": project.auth_url, **fields}


@pytest.mark.parametrize("by", ["id", "name and user", "name and user id"])
def test_an_application_credential_is_given_by_its_id(
    project: Project, user: Keystone, read: Read, by: str, request: Any
) -> None:
    made = user.make(
        f"users/{project.user_id}/application_credentials",
        "application_credential",
        name=f"Schlüssel {by}",
    )
    fields = {
        "id": {"application_credential_id": made["id"]},
        "name and user": {
            "application_credential_name": made["name"],
            "username": project.name,
            "user_domain_name": DOMAIN,
        },
        "name and user id": {
            "application_credential_name": made["name"],
            "user_id": project.user_id,
        },
    }[by]
    entry = read(
        by_credential(project, application_credential_secret=made["secret"], **fields),
        auth_type="v3applicationcredential",
    )
    assert entry.way == "application-credential"
    assert entry.environment == {
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": project.auth_url,
        "OS_APPLICATION_CREDENTIAL_ID": made["id"],
        "OS_APPLICATION_CREDENTIAL_SECRET": made["secret"],
        "OS_REGION_NAME": "RegionOne",
        "OS_INTERFACE": "public",
        "OS_IDENTITY_API_VERSION": "3",
    }
    assert entry.secrets == {made["secret"]: "the application credential's secret"}
    assert entry.url == f"{project.storage_url}/v1/AUTH_{project.id}"


def test_an_application_credential_that_has_expired_is_told(
    project: Project, user: Keystone, refused: Refused, wait_for: Callable[..., None]
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ends = now + datetime.timedelta(seconds=2)
    made = user.make(
        f"users/{project.user_id}/application_credentials",
        "application_credential",
        name="short",
        expires_at=ends.strftime("%Y-%m-%dT%H:%M:%S.%f"),
    )
    wait_for(lambda: datetime.datetime.now(datetime.UTC) > ends, "its end")
    said = refused(
        by_credential(
            project,
            application_credential_id=made["id"],
            application_credential_secret=made["secret"],
        ),
        auth_type="v3applicationcredential",
    )
    assert said == (
        f"cloud 'mine': Keystone at {project.auth_url} refuses the application"
        " credential: it is wrong, or deleted, or has expired;"
        " make another, and give its id and secret in clouds.yaml"
    )


def test_an_application_credential_without_its_auth_type_is_told(
    project: Project, credential: Credential, refused: Refused
) -> None:
    said = refused(
        by_credential(
            project,
            application_credential_id=credential.id,
            application_credential_secret=credential.secret,
        )
    )
    assert "write 'auth_type: v3applicationcredential' beside 'auth'" in said


# By ways that no sample takes


@pytest.mark.parametrize(
    ("kind", "auth"),
    [
        ("token", {"token": "gAAAAAB-a-token"}),
        ("v3token", {"token": "gAAAAAB-a-token"}),
        ("v3totp", {"username": "a", "passcode": "123456"}),
        ("v3oidcaccesstoken", {"access_token": "secret-access"}),
        ("none", {"endpoint": "http://127.0.0.1:9"}),
        ("admin_token", {"endpoint": "http://127.0.0.1:9", "token": "gAAAAAB-a"}),
    ],
)
def test_an_auth_type_that_no_sample_has_is_a_reason(
    read: Read, kind: str, auth: dict[str, object]
) -> None:
    # Nothing listens there: nothing is asked.
    auth = {"auth_url": "http://127.0.0.1:9/v3", **auth}
    needed = {"identity_provider": "i", "protocol": "openid"} if "oidc" in kind else {}
    with pytest.raises(Unfit) as caught:
        read({**auth, **needed}, auth_type=kind)
    assert str(caught.value) == (
        f"cloud 'mine': no sample connects by '{kind}', its auth_type; give a user's"
        " name and password, or an application credential with"
        " 'auth_type: v3applicationcredential'"
    )


def test_a_trust_is_a_reason(project: Project, read: Read) -> None:
    auth = by_password(project, trust_id="t", project_name=None)
    with pytest.raises(Unfit, match="no sample connects by a trust"):
        read(auth)


# The address of Identity


@pytest.mark.parametrize("end", ["/v3", "/v3/", "", "/"])
def test_samples_get_an_address_that_ends_with_v3(
    project: Project, read: Read, end: str
) -> None:
    address = project.auth_url.removesuffix("/v3") + end
    entry = read(by_password(project, auth_url=address))
    assert entry.environment["OS_AUTH_URL"] == project.auth_url


@pytest.mark.parametrize("end", ["/v3", "/v3/", "", "/"])
@pytest.mark.parametrize("by", ["password", "v3applicationcredential"])
def test_identity_may_be_below_a_path(
    project: Project, credential: Credential, read: Read, end: str, by: str
) -> None:
    auth = by_password(project)
    if by != "password":
        auth = by_credential(
            project,
            application_credential_id=credential.id,
            application_credential_secret=credential.secret,
        )
    with relay(project.auth_url) as address:
        entry = read({**auth, "auth_url": f"{address}/identity{end}"}, auth_type=by)
        assert entry.environment["OS_AUTH_URL"] == f"{address}/identity/v3"


def test_identity_may_have_an_ipv6_address(project: Project, read: Read) -> None:
    try:
        stack = ExitStack()
        address = stack.enter_context(relay(project.auth_url, host="::1"))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with stack:
        assert "[::1]" in address
        entry = read(by_password(project, auth_url=f"{address}/v3/"))
        assert entry.environment["OS_AUTH_URL"] == f"{address}/v3"


@pytest.mark.parametrize(
    "address", ["cloud.example:5000/v3", "ftp://cloud.example", "http://[::1", "/v3"]
)
def test_an_address_that_is_none_is_told(
    project: Project, refused: Refused, address: str
) -> None:
    said = refused(by_password(project, auth_url=address))
    assert "its auth_url is not the address of a server; write it as in http" in said


@pytest.mark.parametrize("version", [2, "2.0", "v2.0"])
def test_an_old_version_of_identity_is_told(
    project: Project, refused: Refused, version: object
) -> None:
    said = refused(by_password(project), identity_api_version=version)
    assert "version 2 of Identity, which OpenStack has no more" in said


# The catalog


def in_regions(*regions: str) -> Change:
    """Let the catalog have object stores in these."""

    def change(token: dict[str, Any]) -> None:
        for service in token["catalog"]:
            if service["type"] == "object-store":
                [one, *_] = service["endpoints"]
                service["endpoints"] = [
                    {**one, "region": region, "region_id": region, "interface": each}
                    for region in regions
                    for each in ("public", "internal")
                ]

    return change


def test_the_only_region_is_taken(project: Project, read: Read) -> None:
    with relay(project.auth_url, in_regions("nova")) as address:
        entry = read(by_password(project, auth_url=address))
    assert entry.environment["OS_REGION_NAME"] == "nova"


@pytest.mark.parametrize(
    ("regions", "given", "said"),
    [
        (
            ["north", "south"],
            {},
            "it has an object store in each of the regions north, south;"
            " choose one as 'region_name' in its entry",
        ),
        (
            ["north", "south"],
            {"region_name": "nort"},
            "there is no object store in its region 'nort'; did you mean 'north'?",
        ),
        (
            ["north", "south"],
            {"region_name": "RegionOne"},
            "there is no object store in its region 'RegionOne'; known: north, south",
        ),
        (
            ["north"],
            {"region_name": "north", "interface": "admin"},
            "its object store has no address of the interface 'admin';"
            " choose another as 'interface' in its entry: internal, public",
        ),
        (
            [],
            {},
            "there is no object store in its catalog;"
            " choose a cloud that has one, or ask who runs it for access to it",
        ),
    ],
)
def test_an_object_store_that_is_not_found_is_told(
    project: Project,
    refused: Refused,
    regions: list[str],
    given: dict[str, str],
    said: str,
) -> None:
    def change(token: dict[str, Any]) -> None:
        if regions:
            in_regions(*regions)(token)
        else:
            token["catalog"] = []

    with relay(project.auth_url, change) as address:
        found = refused(by_password(project, auth_url=address), **given)
    assert found == f"cloud 'mine': {said}"


@pytest.mark.parametrize(
    ("given", "interface"),
    [
        ("internal", "internal"),
        ("internalURL", "internal"),
        (["admin", "internal", "public"], "internal"),
        ("public", "public"),
        (None, "public"),
    ],
)
def test_the_interface_is_followed(
    project: Project, read: Read, given: object, interface: str
) -> None:
    def change(token: dict[str, Any]) -> None:
        in_regions("nova")(token)
        for service in token["catalog"]:
            for endpoint in service["endpoints"]:
                endpoint["url"] = f"http://{endpoint['interface']}.example/v1/a"

    with relay(project.auth_url, change) as address:
        entry = read(
            by_password(project, auth_url=address),
            **({"interface": given} if given else {}),
        )
    assert entry.environment["OS_INTERFACE"] == interface
    assert entry.url == f"http://{interface}.example/v1/a"


def test_neither_a_service_s_name_nor_auth_in_a_path_is_needed(
    project: Project, read: Read
) -> None:
    def change(token: dict[str, Any]) -> None:
        in_regions("nova")(token)
        for service in token["catalog"]:
            service["name"] = "radosgw"
            for endpoint in service["endpoints"]:
                endpoint["url"] = "http://[::1]:8080/swift/v1/"

    with relay(project.auth_url, change) as address:
        entry = read(by_password(project, auth_url=address))
    assert entry.url == "http://[::1]:8080/swift/v1/"


def test_an_endpoint_beside_the_catalog_is_a_reason(
    project: Project, read: Read
) -> None:
    with pytest.raises(Unfit, match="is not the address in the catalog"):
        read(by_password(project), object_store_endpoint_override="http://x.example")


# Certificates


def test_a_private_ca_is_trusted(
    over_tls: tuple[Path, Project], read: Read, tmp_path: Path
) -> None:
    ca, project = over_tls
    assert project.auth_url.startswith("https:")
    (tmp_path / "our-ca.pem").write_bytes(ca.read_bytes())
    entry = read(by_password(project), cacert="our-ca.pem")
    assert entry.ca == tmp_path / "our-ca.pem"
    contents = DistantContents(entry.url, entry.token, verify=entry.verify)
    assert contents.containers() == []
    contents.close()


def test_a_certificate_that_nobody_trusts_is_told(
    over_tls: tuple[Path, Project], refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, project = over_tls
    # Samples do not get this, and so the runner takes it from nowhere either.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca))
    said = refused(by_password(project))
    host = urlsplit(project.auth_url).netloc
    assert said.startswith(f"cloud 'mine': the certificate of {host} is not trusted: ")
    assert said.endswith("; give the file of its CA as 'cacert' in the cloud's entry")


def test_certificates_are_verified_or_nothing_runs(
    over_tls: tuple[Path, Project], read: Read
) -> None:
    _, project = over_tls
    with pytest.raises(Unfit, match="give the file of its CA as 'cacert' in place of"):
        read(by_password(project), verify=False)
    with pytest.raises(Unfit, match="no sample shows a certificate of its own"):
        read(by_password(project), cert="mine.pem")


def test_without_tls_there_is_nothing_to_verify(project: Project, read: Read) -> None:
    assert read(by_password(project), verify=False).verify is True


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_text("no PEM"), "no certificate or crl found"),
    ],
)
def test_a_cacert_that_is_none_is_told(
    project: Project,
    refused: Refused,
    tmp_path: Path,
    make: Callable[[Path], object],
    said: str,
) -> None:
    make(tmp_path / "ca.pem")
    found = refused(by_password(project), cacert="ca.pem")
    assert f"no certificates can be read from {tmp_path / 'ca.pem'}: " in found
    assert said in found
    assert found.endswith("; name a file of certificates in PEM as 'cacert'")


def test_a_server_that_speaks_no_tls_is_told(
    project: Project, refused: Refused
) -> None:
    address = project.auth_url.replace("http:", "https:")
    said = refused(by_password(project, auth_url=address))
    assert said.endswith(
        "; see whether its address begins with http:// or with https://"
    )


# Who may not


def test_a_wrong_password_is_told(project: Project, refused: Refused) -> None:
    said = refused(by_password(project, password="nine tails"))
    assert f"Keystone at {project.auth_url} refuses the user's name or password" in said


def test_a_user_without_a_role_is_told(
    project: Project, admin: Keystone, refused: Refused
) -> None:
    admin.make(
        "users",
        "user",
        name="stranger",
        password="nine tails",
        domain_id=project.domain_id,
    )
    auth = by_password(project, username="stranger", password="nine tails")
    assert refused(auth) == (
        f"cloud 'mine': Keystone at {project.auth_url} gives this user no access to"
        " the project 'Käserei'; ask for a role in it, or name another in clouds.yaml"
    )
    said = refused({k: v for k, v in auth.items() if not k.startswith("project")})
    assert said == (
        "cloud 'mine': its user gets a token for no project;"
        " give project_name or project_id under 'auth' in clouds.yaml"
    )


def test_a_user_who_needs_one_more_factor_is_told(
    project: Project, refused: Refused
) -> None:
    receipt = {"methods": ["password"], "expires_at": "2099-01-01T00:00:00Z"}
    body = {"receipt": receipt, "required_auth_methods": [["password", "totp"]]}
    headers = {"Openstack-Auth-Receipt": "r", "Content-Type": "application/json"}
    with answering(lambda *_: (401, headers, json.dumps(body).encode())) as address:
        said = refused(by_password(project, auth_url=f"{address}/v3"))
    assert said == (
        f"cloud 'mine': Keystone at {address}/v3 wants one more factor of this user;"
        " make an application credential, and give that in clouds.yaml"
    )


def test_a_domain_that_is_missing_is_told(project: Project, refused: Refused) -> None:
    said = refused(
        by_password(project, user_domain_name=None, project_domain_name=None)
    )
    assert said.endswith("; give names, or ids, with those of their domains")


@pytest.mark.parametrize("key", ["auth_url", "username", "password"])
def test_what_is_missing_is_told(project: Project, refused: Refused, key: str) -> None:
    said = refused(by_password(project, **{key: None}))
    assert key in said


# What answers otherwise


@pytest.mark.parametrize("path", ["/v3", "", "/identity/v3"])
@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (500, "text/plain", b"oh", "; try again later, or ask who runs it"),
        (503, "text/html", b"<h1>down", "; try again later, or ask who runs it"),
        (404, "text/plain", b"", "; see that auth_url is the address of Identity"),
        (403, "text/plain", b"", "; ask who runs it whether you may use it"),
        (200, "text/html", b"<html>", "; see that auth_url is the address of Identity"),
        (200, "application/json", b"[]", "; see that auth_url is the address of "),
        (200, "application/json", b"{}", "; see that auth_url is the address of "),
    ],
)
def test_what_is_no_keystone_is_told(
    project: Project,
    refused: Refused,
    path: str,
    status: int,
    kind: str,
    body: bytes,
    said: str,
) -> None:
    def answer(*_: object) -> Answer:
        return status, {"Content-Type": kind, "X-Subject-Token": "x"}, body

    with answering(answer) as address:
        found = refused(by_password(project, auth_url=address + path))
    assert said in found
    assert "<h" not in found


def test_a_host_that_does_not_answer_is_told(
    project: Project, refused: Refused
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        address = f"http://127.0.0.1:{port}/v3"
        said = refused(by_password(project, auth_url=address), api_timeout=0.2)
    assert said == (
        f"cloud 'mine': 127.0.0.1:{port} does not answer in time;"
        " see that it runs, and that it is reached from this machine"
    )


def test_a_host_that_cannot_be_reached_is_told(
    project: Project, refused: Refused
) -> None:
    said = refused(by_password(project, auth_url="http://127.0.0.1:9"))
    assert said == (
        "cloud 'mine': 127.0.0.1:9 cannot be reached: Connection refused;"
        " see that it runs, and that its address is right"
    )
    said = refused(by_password(project, auth_url="http://nowhere.invalid:5000/v3"))
    assert "nowhere.invalid:5000 cannot be reached: " in said


# Proxies


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy's address, and what it is asked for."""
    asked: list[str] = []

    def answer(method: str, path: str, headers: Message, body: bytes) -> Answer:
        asked.append(f"{method} {path}")
        return passed_on(path, method, headers, body)

    with answering(answer) as address:
        yield address, asked


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_the_caller_s_proxy_reaches_runner_and_samples(
    project: Project,
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    proxy: tuple[str, list[str]],
    name: str,
) -> None:
    address, asked = proxy
    monkeypatch.setenv(name, address.replace("//", "//me:b%40ckdoor@"))
    monkeypatch.setenv("NO_PROXY", "one.example")
    by_name = project.auth_url.replace("127.0.0.1", "localhost")
    entry = read(by_password(project, auth_url=by_name))
    assert f"POST {by_name}/auth/tokens" in asked
    found = entry.environment
    assert found[name.lower()] == found[name.upper()] == os.environ[name]
    # The Fractals app is there, and no proxy knows it.
    assert found["NO_PROXY"] == found["no_proxy"] == "one.example,127.0.0.1"
    assert entry.secrets.keys() >= {"b@ckdoor", "b%40ckdoor"}

    asked.clear()
    contents = DistantContents(entry.url.replace("127.0.0.1", "localhost"), entry.token)
    assert contents.containers() == []
    contents.close()
    assert asked

    asked.clear()
    monkeypatch.setenv("no_proxy", "localhost")
    read(by_password(project, auth_url=by_name))
    assert asked == []


def test_without_a_proxy_samples_get_none(
    project: Project, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "one.example")
    environment = read(by_password(project)).environment
    assert not [name for name in environment if "proxy" in name.lower()]
    assert list(proxy_secrets()) == []


def test_a_proxy_that_is_down_is_told(
    project: Project, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:backdoor@127.0.0.1:9")
    said = refused(by_password(project, auth_url="http://cloud.example:5000/v3"))
    assert said == (
        "cloud 'mine': the proxy before cloud.example:5000 does not let it through:"
        " Connection refused;"
        " mend HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY"
    )


def test_a_proxy_that_refuses_is_told(
    project: Project, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(lambda *_: (407, {}, b"")) as address:
        monkeypatch.setenv("HTTPS_PROXY", address.replace("//", "//me:backdoor@"))
        said = refused(by_password(project, auth_url="https://cloud.example:5000/v3"))
    assert "the proxy before cloud.example:5000 does not let it through: " in said
    assert "407" in said
    assert "backdoor" not in said


# The file itself


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("clouds:\n  mine: {password: goat\n", 3, "it is not YAML; mend this line"),
        ("clouds:\n\tmine:\n", 2, "it is not YAML; mend this line, or one above"),
        ("mine:\n  auth: {}\n", 1, "it has no 'clouds', with the clouds by name"),
        ("[mine]\n", 1, "it has no 'clouds', with the clouds by name below it"),
        ("", 1, "it has no 'clouds', with the clouds by name below it"),
        ("clouds:\n", 1, "it has no 'clouds', with the clouds by name below it"),
        ("clouds: [mine]\n", 1, "it has no 'clouds', with the clouds by name below"),
        ("clouds:\n  mine:\n", 1, "cloud 'mine' has no 'auth' with keys below it"),
        ("clouds:\n  mine: {auth: x}\n", 1, "cloud 'mine' has no 'auth' with keys"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_told_with_its_line(
    write: Callable[[str], Path], text: str, line: int, said: str
) -> None:
    write(text)
    with pytest.raises(Problem) as caught:
        read_entry("mine")
    assert str(caught.value).startswith(f"clouds.yaml:{line}: {said}")
    assert "goat" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(write: Callable[[str], Path]) -> None:
    path = write("")
    path.unlink()
    path.mkdir()
    with pytest.raises(Problem, match=r"^clouds\.yaml:1: it cannot be read: Is a dir"):
        read_entry("mine")


def test_a_secure_yaml_that_is_not_yaml_is_told(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    write("clouds: {mine: {auth: {}}}")
    (tmp_path / "secure.yaml").write_text("a: {password: goat")
    with pytest.raises(Problem) as caught:
        read_entry("mine")
    assert re.fullmatch(r"secure\.yaml:1: it is not YAML; .*", str(caught.value))


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"profile": "nobodys"}, "Couldn't find the vendor profile nobodys"),
        (
            {"profile": "http://127.0.0.1:9"},
            "for its profile, 127.0.0.1:9 cannot be reached: Connection refused;",
        ),
        ({"auth_type": "v4magic"}, "v4magic"),
        ({"region_name": {"a": "b"}}, "its entry is not as openstacksdk reads it"),
        ({"interface": 7}, "interface"),
        ({"cacert": 7}, "name a file of certificates in PEM as 'cacert'"),
        ({"api_timeout": "soon"}, "api_timeout"),
        ({"verify": "no"}, "name a file of certificates in PEM as 'cacert'"),
    ],
)
def test_a_key_with_a_value_that_is_none_is_told(
    project: Project, refused: Refused, beside: dict[str, object], said: str
) -> None:
    assert said in refused(by_password(project), **beside)


def test_braces_in_an_address_are_told(project: Project, refused: Refused) -> None:
    said = refused(by_password(project, auth_url="http://{nothing}.example/v3"))
    assert "its entry is not as openstacksdk reads it" in said
