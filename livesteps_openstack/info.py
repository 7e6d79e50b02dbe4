"""What an object store says of itself: `/info`, which takes no token."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import requests

from livesteps.plugin import Info

TIMEOUT = 10
"""Seconds that one answer may take."""


def read_info(account_url: str, http: requests.Session) -> Info:
    """Ask the store of an account; nothing that it answers is an error.

    It lies above the version in the account's address: `/info` of Swift,
    `/swift/info` of Ceph's gateway; or at the host's root, where only the
    account is below something else.
    """
    url = urlsplit(account_url)
    above = f"/{url.path.strip('/')}/".partition("/v1/")[0]
    why = ""
    for path in dict.fromkeys([f"{above}/info", "/info"]):
        try:
            answer = http.get(
                urlunsplit((url.scheme, url.netloc, path, "", "")),
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return Info(None, f"no answer to GET {path}: {type(error).__name__}")
        if answer.status_code != 200:
            why = why or f"GET {path} was answered by {answer.status_code}"
            continue
        try:
            content = answer.json()
        except ValueError:
            content = None
        if isinstance(content, dict):
            return Info(content, versions=_versions(content))
        why = why or f"what GET {path} gave is not a JSON object"
    return Info(None, why)


def _versions(content: dict[str, object]) -> dict[str, str]:
    swift = content.get("swift")
    if isinstance(swift, dict) and isinstance(swift.get("version"), str):
        return {"swift": swift["version"]}
    return {}
