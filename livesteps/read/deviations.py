"""How servers differ, whatever the SDK: the guide's `samples/servers.toml`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from livesteps.errors import Problem, nearest, shown
from livesteps.read.chapter import Step
from livesteps.read.plugins import Plugins
from livesteps.read.tomlfile import Table, line_of, load


class ServerGap(Table):
    """A key of the contracts that does not hold on a server."""

    server: str
    """Its name; empty if a server says itself that it lacks this."""
    key: str
    """Of a contract, such as `downloads`. No key that the guide has in `always`."""
    able: list[str] = Field(default=[], alias="except")
    """The SDKs that do it all the same, in their own way."""
    reason: str
    """A sentence for readers."""
    link: str
    """Where the server's makers say so."""

    def concerns(self, sdk: str, step: Step) -> bool:
        """Whether the step's contract does not hold for this SDK."""
        return sdk not in self.able and self.key in step.contract

    def rest_of(self, step: Step) -> Step:
        """The step, and what of its contract holds all the same."""
        return step.without(self.key)


class Difference(Table):
    """A text of recorded outputs that may be another one on this server."""

    server: str
    """Its name."""
    recorded: str
    """The text, as it is in recordings."""
    there: str
    """What this server gives in its place."""


class DeviationsFile(Table):
    """What a servers.toml says."""

    gap: list[ServerGap] = []
    difference: list[Difference] = []


@dataclass(frozen=True)
class Deviations:
    """How a server differs from what is recorded."""

    path: Path
    """What says so."""
    gaps: tuple[ServerGap, ...] = ()
    differences: tuple[Difference, ...] = ()
    without: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """Why a step, by its chapter and number, may fail in whatever way."""

    def gap(self, sdk: str, step: Step) -> ServerGap | None:
        """What of a step's contract does not hold, if it is anything."""
        return next((gap for gap in self.gaps if gap.concerns(sdk, step)), None)

    def levelled(self, output: str) -> str:
        """A normalised output, recorded or of this server, without differences."""
        for each in self.differences:
            output = output.replace(each.there, each.recorded)
        return output

    def lack(self, key: str, reason: str) -> ServerGap:
        """A gap that the server itself tells of."""
        return ServerGap(server="", key=key, reason=reason, link="")

    def closed(self, gap: ServerGap) -> str:
        """Says that a declared gap is none any more."""
        index = load(self.path, DeviationsFile).gap.index(gap)
        line = line_of(self.path.read_text(encoding="utf-8"), ["gap", index])
        return (
            f"'{gap.key}' is declared a gap of {gap.server}, and holds there; take the"
            f" gap out of {shown(self.path)}:{line}, or name the SDK in its 'except'"
        )


def load_deviations(
    path: Path, plugins: Plugins, first: str, always: Collection[str]
) -> dict[str, Deviations]:
    """Read servers.toml; a guide may have none. Those of each server, by name.

    The server `first`, against which recordings are made, has none. The keys
    `always` hold everywhere. `Problem` says where it is wrong.
    """
    file = load(path, DeviationsFile) if path.exists() else DeviationsFile()
    sdks = {each.parent.name for each in path.parent.glob("*/sdk.toml")}
    keys = [key for key in plugins.kinds if key not in always]
    others = [name for name in plugins.servers if name != first]

    def known(table: str, index: int, key: str, name: str, of: Collection[str]) -> None:
        if name not in of:
            line = line_of(path.read_text(encoding="utf-8"), [table, index, key])
            what = f"{table}.{key}: unknown '{name}'"
            raise Problem(what, nearest(name, of), path=path, line=line)

    for index, gap in enumerate(file.gap):
        known("gap", index, "server", gap.server, others)
        known("gap", index, "key", gap.key, keys)
        for sdk in gap.able:
            known("gap", index, "except", sdk, sdks)
    for index, difference in enumerate(file.difference):
        known("difference", index, "server", difference.server, others)
    return {
        name: Deviations(
            path,
            tuple(gap for gap in file.gap if gap.server == name),
            tuple(each for each in file.difference if each.server == name),
        )
        for name in plugins.servers
    }
