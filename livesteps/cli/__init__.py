"""The command `livesteps`; each of its own commands has a module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import click

from livesteps.cli import build, doctor, record, run
from livesteps.cli.output import Output
from livesteps.errors import Problem
from livesteps.read.guide import Guide, find_guide
from livesteps.run.batch import Abandoned
from livesteps.run.service import Service, serving

COMMANDS = "livesteps.commands"
"""The entry points by which packages bring commands."""


class Host:
    """What commands of plugins get."""

    def guide(self) -> Guide:
        """The guide that the current folder is in; `Problem` if it is in none."""
        return find_guide(Path.cwd())

    def services(self, guide: Guide) -> AbstractContextManager[Mapping[str, Service]]:
        """The services of a guide, for as long as the context lasts."""
        return serving(guide)


class _Group(click.Group):
    """Commands whose problems are one line, and exit with 2."""

    @cached_property
    def brought(self) -> dict[str, EntryPoint]:
        """Those of plugins, not loaded yet."""
        return {each.name: each for each in entry_points(group=COMMANDS)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Those of all, by name."""
        return sorted({*super().list_commands(ctx), *self.brought})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """One of ours, or of a plugin's."""
        command = super().get_command(ctx, name)
        if command is None and name in self.brought:
            command = self.brought[name].load()
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            with Output():
                return super().invoke(ctx)
        except Problem as problem:
            click.echo(str(problem), err=True)
            ctx.exit(2)
        except Abandoned as abandoned:
            click.echo(f"Stopped.\n{abandoned}".rstrip(), err=True)
            # A request may still wait for its answer, and nobody for it.
            os._exit(130)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="livesteps")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Guides whose every snippet and output was cut from a program that ran."""
    ctx.obj = Host()


for command in (build.editions, build.guide, doctor.doctor, record.record, run.run):
    main.add_command(command)
