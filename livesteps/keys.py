"""The EC2 credentials of the user of an account, as Keystone tells of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any

import requests

from livesteps.errors import Problem
from livesteps.kit import Kit
from livesteps.recording import read_recording
from livesteps.snapshot import DistantAccount


class Keys:
    """Pairs of keys for S3; their secrets are not kept.

    `auth_url` ends with `/v3`. Where Keystone does not let the user see them, there
    seem to be none.
    """

    def __init__(self, account: DistantAccount, auth_url: str) -> None:
        self._account = account
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
        self._account.send("DELETE", f"{self._url}/{access}")

    def _listed(self) -> list[dict[str, Any]]:
        try:
            answer = self._account.send("GET", self._url)
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
        token = self._account.send(
            "GET",
            f"{self._identity}/auth/tokens?nocatalog",
            {"X-Subject-Token": self._account.token},
        ).json()["token"]
        return {"user": token["user"]["id"], "project": token["project"]["id"]}


_PROJECT = "tenant_id"
"""As Keystone still calls it here."""


def keys_made(kit: Kit, steps: int) -> dict[int, int]:
    """How many credentials which step of a program makes, as it was recorded."""
    try:
        recording = read_recording(kit.folder / "recorded", steps)
    except Problem:
        return {}
    made = Counter(
        step.number
        for step in recording.steps
        for each in step.request
        if each.method == "POST" and each.path.endswith("/credentials/OS-EC2")
    )
    return dict(made)


def thing(access: str) -> str:
    """A pair of keys, in words."""
    return f"EC2 credential '{access}'"
