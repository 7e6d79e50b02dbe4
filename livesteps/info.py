"""What a server says of itself at `/info`, and what of the guide it lacks by that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import requests

from livesteps.kit import SERVERS
from livesteps.s3 import S3Account
from livesteps.servers import Server, ServerGap, load_servers
from livesteps.snapshot import TIMEOUT, Account
from livesteps.step import Steps


def read_info(account: Account | S3Account) -> dict[str, Any]:
    """What the server of an account says; nothing where it does not.

    Swift has it at `/info`, Ceph at `/swift/info`: where the version begins in
    the account's address.
    """
    url = account.url.rpartition("/v1")[0] + "/info"
    try:
        with account.anyone() as anyone:
            answer = anyone.get(url, timeout=TIMEOUT)
        info = answer.json() if answer.ok else {}
    except requests.RequestException:
        return {}
    return info if isinstance(info, dict) else {}


def missing(info: Mapping[str, Any], steps: Steps) -> Server:
    """A server that says this: how it differs from what is recorded.

    What it lacks is no failure of an SDK. Without static large objects an SDK may
    make dynamic ones, of which Ceph's `/info` says nothing.
    """
    servers = load_servers(steps)
    if "swift" not in info:
        return servers[SERVERS[0]]
    # Ceph gives its own version here, 10 or more; Swift has been at 2 since 2014.
    version = re.match(r"\d+", str(info["swift"].get("version", "")))
    ceph = version and int(version[0]) >= 10
    server = servers["ceph" if ceph else SERVERS[0]]
    # Another version may have what is declared a gap.
    gaps = tuple(gap.model_copy(update={"server": ""}) for gap in server.gaps)
    without = {}
    if "tempurl" not in info:
        reason = "this cloud has no temporary URLs"
        gaps = (ServerGap(server="", key="shares", reason=reason, link=""), *gaps)
    if "slo" not in info:
        for step in steps.steps:
            names = [name for objects in step.holds.values() for name in objects]
            if any(steps.objects[name].segments for name in names):
                without[step.number] = "this cloud has no static large objects"
                break
    return replace(server, gaps=gaps, without=without)
