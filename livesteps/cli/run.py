"""The command `livesteps run`."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click

from livesteps.cli.progress import finish, progress, require, tell_after
from livesteps.errors import Problem, nearest
from livesteps.plugin import Server
from livesteps.read.guide import Guide, find_guide
from livesteps.report import FORMATS, Reports
from livesteps.run.backend import Backend
from livesteps.run.batch import Batch
from livesteps.run.plan import Program, outcome_of, plan, programs, required


class _Run(click.Command):
    """A command that knows the servers of the guide that it is called in."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Ours, and an option for each server that is a person's own."""
        if "servers" not in ctx.meta:
            ctx.meta["servers"] = []
            # Where it cannot be read, the command will say so.
            with suppress(Problem):
                guide = ctx.meta["guide"] = find_guide(Path.cwd())
                ctx.meta["servers"] = _options(guide)
        options: list[click.Parameter] = ctx.meta["servers"]
        return [*options, *super().get_params(ctx)]


def _options(guide: Guide) -> list[click.Parameter]:
    return [
        click.Option(
            ["--server"],
            type=click.Choice([guide.server, *guide.others()]),
            default=guide.server,
            show_default=True,
            help="What to run against.",
        ),
        *(
            click.Option([option], metavar="NAME", help=server.option_help)
            for option, server in guide.plugins.reached.items()
        ),
    ]


@click.command(cls=_Run)
@click.argument("names", nargs=-1, metavar="[SDK|SDK/CHAPTER]...")
@click.option("--all", "everything", is_flag=True, help="Run every SDK.")
@click.option("--step", "last", type=int, metavar="N", help="Stop after step N.")
@click.option(
    "--clean",
    is_flag=True,
    help="With --step, on a server that is your own: remove what was made.",
)
@click.option(
    "--tls",
    is_flag=True,
    help="Reach the server over HTTPS, with a private CA.",
)
@click.option(
    "--way", default="", metavar="NAME", help="Connect in this way, not as step 1 does."
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Write a report: {', '.join(FORMATS)} (may be repeated).",
)
@require
def run(
    names: tuple[str, ...],
    everything: bool,
    last: int | None,
    clean: bool,
    tls: bool,
    way: str,
    reports: tuple[Path, ...],
    require: tuple[str, ...],
    **servers: str | None,
) -> None:
    """Run samples step by step, and check what the server holds after each."""
    meta = click.get_current_context().meta
    guide: Guide = meta.get("guide") or find_guide(Path.cwd())
    if bool(names) == everything:
        raise Problem("name the SDKs to run, or all", f"known: {', '.join(guide.sdks)}")
    wanted = programs(guide, names)
    _check_step(last, wanted)
    chosen, name = _server(guide, tls, way, servers)
    if clean and not (last and chosen.option):
        options = " or ".join(guide.plugins.reached)
        raise Problem(
            f"--clean goes with --step and {options}",
            "leave it out: a whole run leaves nothing, nor does one on ours",
        )
    needed = required(guide, require, named=names)
    for sdk in needed:
        if all(each.id != sdk for each, _ in wanted):
            raise Problem(
                f"'{sdk}' is required, and not among those to run", "name it, or all"
            )
    kind = "cloud" if chosen.option else "server"
    with Reports(reports, guide, kind, name, last, needed) as report:
        report.outcomes = [outcome_of(guide, *program) for program in wanted]
        with (
            _after_interrupt(report),
            Backend(guide, chosen) as backend,
            report.of(backend),
            _terminated() if chosen.option else nullcontext(),
        ):
            # The samples are read while the servers start.
            why_not = chosen.why_not or ("" if chosen.option else chosen.supported())
            outcomes = report.outcomes = plan(
                *(guide, wanted, why_not), named=_sdks(names), server=chosen
            )
            with progress(outcomes) as tell:
                batch = Batch(
                    *(backend, tell),
                    last=last,
                    compare=not chosen.option,
                    # Where another is to run, nothing may be in its way.
                    keep=not clean and len(wanted) == 1,
                )
                whole = batch.run(outcomes)
        finish(outcomes, needed, whole)


def _sdks(names: Sequence[str]) -> set[str]:
    return {name.partition("/")[0] for name in names}


def _check_step(last: int | None, wanted: Sequence[Program]) -> None:
    most = max(len(chapter) for _, chapter in wanted)
    if last is not None and not 1 <= last <= most:
        raise Problem(f"there is no step {last}", f"they are 1 to {most}")


def _server(
    guide: Guide, tls: bool, way: str, asked: dict[str, str | None]
) -> tuple[Server, str]:
    """The server that a person chose, and what a report calls it."""
    servers = guide.plugins.servers
    name = asked["server"] or guide.server
    ways = {name for chapter in guide.chapters.values() for name in chapter.ways}
    if way and way not in ways:
        raise Problem(f"unknown way '{way}'", nearest(way, ways))
    for option, kind in guide.plugins.reached.items():
        named = asked.get(option.lstrip("-").replace("-", "_"))
        if named is None:
            continue
        if named and (tls or way or name != guide.server):
            raise Problem(
                f"the entry of '{named}' says how to reach it, and how to connect",
                "leave out --server, --tls and --way",
            )
        return kind(guide, named=named), named
    if (tls and not servers[name].tls) or (way and not servers[name].ways):
        wrong = [
            option
            for option, able in (
                ("--tls", servers[name].tls),
                ("--way", servers[name].ways),
            )
            if not able
        ]
        raise Problem(servers[name].without, f"leave out {' and '.join(wrong)}")
    return servers[name](guide, tls=tls, way=way), name


@contextmanager
def _terminated() -> Iterator[None]:
    """Take a request to terminate for Ctrl-C, once."""

    def interrupt(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _after_interrupt(report: Reports) -> Iterator[None]:
    """Print to whoever interrupts what became of what the runs made."""
    try:
        yield
    except KeyboardInterrupt:
        tell_after(report.outcomes)
        raise
