"""The EC2 credentials of the user of an account, as Keystone tells of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests

from livesteps.plugin import Problem
from livesteps_openstack.contents import DistantContents

if TYPE_CHECKING:
    from livesteps.read.guide import Guide
    from livesteps.read.sdk import SDK


class Keys:
    """Pairs of keys for S3; their secrets are not kept.

    `auth_url` ends with `/v3`. Where Keystone does not let the user see them, there
    seem to be none.
    """

    def __init__(self, contents: DistantContents, auth_url: str) -> None:
        self._contents = contents
        self._identity = auth_url

    def held(self) -> set[str]:
        """The access keys of this user in this project."""
        return {
            each["access"]
            for each in self._listed()
            if each[_PROJECT] == self._whose["project"]
        }

    def things(self, *, without: Collection[str]) -> Iterator[tuple[str, str]]:
        """All of this user's but those, in words, and a digest of each."""
        for each in self._listed():
            if each["access"] in without:
                continue
            digest = hashlib.sha256(json.dumps(each, sort_keys=True).encode())
            yield thing(each["access"]), digest.hexdigest()

    def delete(self, access: str) -> None:
        """Delete a pair. Raises `requests.RequestException`."""
        self._contents.send("DELETE", f"{self._url}/{access}")

    def _listed(self) -> list[dict[str, Any]]:
        try:
            answer = self._contents.send("GET", self._url)
        except requests.HTTPError as error:
            if error.response.status_code >= 500:
                raise
            return []
        listed: list[dict[str, Any]] = answer.json()["credentials"]
        for each in listed:
            each.pop("links", None)
        return listed

    @property
    def _url(self) -> str:
        return f"{self._identity}/users/{self._whose['user']}/credentials/OS-EC2"

    @cached_property
    def _whose(self) -> dict[str, str]:
        """The ids of the token's user and project."""
        token = self._contents.send(
            "GET",
            f"{self._identity}/auth/tokens?nocatalog",
            {"X-Subject-Token": self._contents.token},
        ).json()["token"]
        return {"user": token["user"]["id"], "project": token["project"]["id"]}


_PROJECT = "tenant_id"
"""As Keystone still calls it here."""


def keys_made(guide: Guide, sdk: SDK) -> dict[int, int]:
    """How many credentials which step of an SDK's programs makes, as it was recorded:
    the most of all its chapters."""
    made: Counter[int] = Counter()
    for chapter in guide.programs(sdk):
        with suppress(Problem):
            made |= Counter(
                step.number
                for step in guide.recording(sdk, chapter).step
                for each in step.request
                if each.method == "POST" and each.path.endswith("/credentials/OS-EC2")
            )
    return dict(made)


def thing(access: str) -> str:
    """A pair of keys, in words."""
    return f"EC2 credential '{access}'"
