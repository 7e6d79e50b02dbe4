"""An entry of clouds.yaml: what a sample needs to use that cloud, and the runner."""

from __future__ import annotations

from dataclasses import dataclass, field

from livesteps.errors import Problem, nearest


@dataclass(frozen=True)
class Entry:
    """A cloud that answers, as its entry in clouds.yaml says."""

    name: str
    url: str
    """The account: what the catalog gives for the object store."""
    token: str = field(repr=False)
    verify: bool | str
    """How certificates are verified, as requests takes it."""
    environment: dict[str, str] = field(repr=False)
    """The OS_* variables that a sample gets."""
    secrets: dict[str, str] = field(repr=False)
    """Values that no output may show, and what they are."""


def read_entry(name: str) -> Entry:
    """Read an entry and get a token; `Problem` says what is wrong with either."""
    import openstack.config  # takes a third of a second
    from keystoneauth1.exceptions import ClientException
    from openstack.exceptions import ConfigException

    try:
        config = openstack.config.OpenStackConfig()
        # Without any clouds.yaml it still tells of one, named so.
        names = [each for each in config.get_cloud_names() if each != "defaults"]
        if name not in names:
            raise Problem(
                f"clouds.yaml has no cloud '{name}'",
                nearest(name, names)
                if names
                else "write one, by `livesteps cloud --clouds-yaml FILE`",
            )
        region = config.get_one(name)
    except ConfigException as error:
        raise Problem(
            f"cloud '{name}': {error}", "mend its entry in clouds.yaml"
        ) from None
    auth = region.get_auth_args()
    needed = ("auth_url", "username", "password", "project_name")
    if missing := [key for key in needed if not auth.get(key)]:
        raise Problem(
            f"cloud '{name}' has no {', '.join(missing)}",
            "the samples connect with a user's name and password: "
            "give these under 'auth' in clouds.yaml",
        )
    session = region.get_session()
    try:
        token = session.get_token()
        url = session.get_endpoint(
            service_type="object-store",
            region_name=region.region_name,
            interface=region.get_interface("object-store"),
        )
    except ClientException as error:
        raise Problem(
            f"cloud '{name}' at {auth['auth_url']}: {error}",
            "see that it runs, and that its entry in clouds.yaml is right",
        ) from None
    if not token or not url:
        raise Problem(
            f"cloud '{name}' has no object store in its catalog",
            "choose one that has, or another region",
        )
    verify, _ = region.get_requests_verify_args()
    domain = auth.get("user_domain_name") or "Default"
    return Entry(
        name=name,
        url=url,
        token=token,
        verify=True if verify is None else verify,
        environment={
            "OS_AUTH_URL": auth["auth_url"],
            "OS_USERNAME": auth["username"],
            "OS_PASSWORD": auth["password"],
            "OS_PROJECT_NAME": auth["project_name"],
            "OS_USER_DOMAIN_NAME": domain,
            "OS_PROJECT_DOMAIN_NAME": auth.get("project_domain_name") or domain,
            "OS_REGION_NAME": region.region_name or "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_INTERFACE": str(region.get_interface("object-store") or "public"),
        },
        secrets={auth["password"]: "the password"},
    )
