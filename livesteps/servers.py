"""How servers differ, whatever the SDK: the guide's `samples/servers.toml`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from livesteps.errors import Problem, nearest, shown
from livesteps.kit import SERVERS
from livesteps.step import Step, Steps
from livesteps.tomlfile import Table, line_of, load

TITLES = {"debian": "Debian 12", "moto": "moto", "ceph": "Ceph 16"}
"""What a sample runs against besides the first, as a reader knows it."""
NOTHING: dict[str, Any] = {
    "pictures": None,
    "token": False,
    "reads": [],
    "downloads": {},
    "prints_md5": None,
    "shares": None,
}
"""The keys of a contract that a server may not hold, and what asks for nothing."""


class ServerGap(Table):
    """A key of the contracts that does not hold on a server."""

    server: str
    """One of `TITLES`; "" if a cloud says itself that it lacks this."""
    key: str
    able: list[str] = Field(default=[], alias="except")
    """The SDKs that do it all the same, in their own way."""
    reason: str
    """A sentence for readers."""
    link: str
    """Where the server's makers say so."""

    def concerns(self, sdk: str, step: Step) -> bool:
        """Whether the step's contract does not hold for this SDK."""
        return sdk not in self.able and getattr(step, self.key) != NOTHING[self.key]

    def rest_of(self, step: Step) -> Step:
        """The step, and what of its contract holds all the same."""
        return step.model_copy(update={self.key: NOTHING[self.key]})


class Difference(Table):
    """A text of recorded outputs that may be another one on this server."""

    server: str
    recorded: str
    there: str


class _File(Table):
    gap: list[ServerGap] = []
    difference: list[Difference] = []


@dataclass(frozen=True)
class Server:
    """What samples run against, and how it differs from what is recorded."""

    path: Path
    """What says so."""
    gaps: tuple[ServerGap, ...] = ()
    differences: tuple[Difference, ...] = ()
    without: Mapping[int, str] = field(default_factory=dict)
    """Why a step, by its number, may fail in whatever way."""

    def gap(self, sdk: str, step: Step) -> ServerGap | None:
        """What of a step's contract does not hold, if it is anything."""
        return next((gap for gap in self.gaps if gap.concerns(sdk, step)), None)

    def levelled(self, output: str) -> str:
        """A normalised output, recorded or of this server, without differences."""
        for each in self.differences:
            output = output.replace(each.there, each.recorded)
        return output

    def closed(self, gap: ServerGap) -> str:
        """Says that a declared gap is none any more."""
        index = load(self.path, _File).gap.index(gap)
        line = line_of(self.path.read_text(encoding="utf-8"), ["gap", index])
        return (
            f"'{gap.key}' is declared a gap of {gap.server}, and holds there; take the"
            f" gap out of {shown(self.path)}:{line}, or name the SDK in its 'except'"
        )


def load_servers(steps: Steps) -> dict[str, Server]:
    """Read servers.toml, beside steps.toml; a guide may have none.

    `Problem` says where it is wrong.
    """
    path = steps.path.with_name("servers.toml")
    file = load(path, _File) if path.exists() else _File()
    sdks = {each.parent.name for each in path.parent.glob("*/sdk.toml")}

    def known(table: str, index: int, key: str, name: str, of: Collection[str]) -> None:
        if name not in of:
            line = line_of(path.read_text(encoding="utf-8"), [table, index, key])
            what = f"{table}.{key}: unknown '{name}'"
            raise Problem(what, nearest(name, of), path=path, line=line)

    for index, gap in enumerate(file.gap):
        known("gap", index, "server", gap.server, TITLES)
        known("gap", index, "key", gap.key, NOTHING)
        for sdk in gap.able:
            known("gap", index, "except", sdk, sdks)
    for index, difference in enumerate(file.difference):
        known("difference", index, "server", difference.server, TITLES)
    return {
        name: Server(
            path,
            tuple(gap for gap in file.gap if gap.server == name),
            tuple(each for each in file.difference if each.server == name),
        )
        for name in SERVERS
    }


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
