"""The command `livesteps doctor`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from livesteps.errors import Problem
from livesteps.read.guide import find_guide
from livesteps.read.sdk import SDK
from livesteps.run import toolchain

INSTALLERS = {
    "Debian, Ubuntu": ("platform:dpkg", "sudo apt-get install"),
    "Fedora": ("platform:rpm", "sudo dnf install"),
}


@click.command()
def doctor() -> None:
    """Show what runs on this machine, what it lacks, and what brings that."""
    guide = find_guide(Path.cwd())
    bindep = guide.root / "bindep.txt"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what")
    table.add_column("here", overflow="fold")
    lacking: dict[str, list[str]] = {}
    sdks = guide.sdks.values()
    with ThreadPoolExecutor() as pool:
        found = pool.map(look_for, sdks)
    for sdk, (here, lacks) in zip(sdks, found, strict=True):
        table.add_row(sdk.id, Text(here, style="yellow" if lacks else "green"))
        if lacks:
            lacking[sdk.id] = remedies(bindep, sdk.id, sdk.download)
    for name in (guide.server, *guide.others()):
        why_not = guide.plugins.servers[name].supported()
        shown = Text(why_not, style="yellow") if why_not else Text("ok", style="green")
        table.add_row(f"server {name}", shown)
        if why_not:
            lacking[f"server {name}"] = remedies(bindep, name)
    Console(width=None if sys.stdout.isatty() else 240).print(table)
    for name, lines in lacking.items():
        click.echo(f"\nTo run {name}:")
        for line in lines or ["this machine cannot; use one with Linux"]:
            click.echo(f"  {line}")


def look_for(sdk: SDK) -> tuple[str, bool]:
    """What there is of an SDK, or what is missing; and whether any is."""
    try:
        toolchain.check_machine(sdk)
    except Problem as problem:
        return problem.what, True
    version = toolchain.version_of(sdk, "sdk")
    language = toolchain.version_of(sdk, "language")
    return f"{version} on {sdk.language} {language}".rstrip(), False


def remedies(bindep: Path, profile: str, download: str = "") -> list[str]:
    """Commands that bring what an SDK or a server needs, a line for each
    distribution; `download` is where to get what a distribution has not."""
    from bindep.depends import Depends  # takes a while

    try:
        rules = Depends(bindep.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem(
            f"cannot be read: {error.strerror}", "restore it", path=bindep
        ) from None
    lines = []
    for name, (platform, command) in INSTALLERS.items():
        packages = [rule[0] for rule in rules.active_rules([profile, platform])]
        if packages:
            lines.append(f"{name}: {command} {' '.join(packages)}")
    if download:
        lines.append(f"or from {download}" if lines else f"from {download}")
    return lines
