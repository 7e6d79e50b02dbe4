"""The command `livesteps`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from livesteps import cloud
from livesteps.batch import Abandoned, Outcome, State, only_recorded, run_batch
from livesteps.errors import Problem, nearest, shown
from livesteps.fractals import Fractals
from livesteps.kit import SERVERS, Kit, load_kits
from livesteps.named import clean_cloud
from livesteps.output import Output
from livesteps.recording import read_recording, write_recording
from livesteps.report import FORMATS, Reports
from livesteps.stage import Stage, supported
from livesteps.step import Steps, load_steps
from livesteps.trouble import load_troubles, meet, write_said

STYLES = {
    State.PASSED: "green",
    State.FAILED: "red",
    State.NOT_RUN: "yellow",
    State.RUNNING: "cyan",
    State.WAITING: "dim",
    State.RECORDED: "green",
}


class _Group(click.Group):
    """Commands whose problems are one line, and exit with 2."""

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
def main() -> None:
    """Guides whose every snippet and output was cut from a program that ran."""


@main.command("cloud")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep data and ports in this folder.",
)
@click.option(
    "--clouds-yaml",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the cloud's entry into this file.",
)
def cloud_(state: Path | None, clouds_yaml: Path | None) -> None:
    """Run Keystone and Swift here until Ctrl-C, and print the OS_* lines.

    A small Fractals app runs with them, for step 11.
    """
    with Fractals() as fractals:
        click.echo(f"export FRACTALS_ENDPOINT={fractals.url}")
        cloud.serve(state, clouds_yaml)


_require = click.option(
    "--require",
    multiple=True,
    metavar="SDK",
    help="Fail if this SDK cannot run here (may be repeated).",
)


@main.command()
@click.argument("sdks", nargs=-1, metavar="[SDK]...")
@click.option("--all", "everything", is_flag=True, help="Run every SDK.")
@click.option("--step", "last", type=int, metavar="N", help="Stop after step N.")
@click.option(
    "--clean", is_flag=True, help="With --step and --os-cloud: remove what was made."
)
@click.option(
    "--os-cloud", metavar="NAME", help="Run against this cloud of clouds.yaml."
)
@click.option(
    "--server",
    type=click.Choice(SERVERS),
    default=SERVERS[0],
    show_default=True,
    help="What to run against: our own Swift, Debian's older one, Ceph's gateway, "
    "or, for S3, moto.",
)
@click.option(
    "--tls",
    is_flag=True,
    help="Reach our own server over HTTPS, with a private CA; in a project of another"
    " domain, by its internal interface.",
)
@click.option(
    "--way", default="", metavar="NAME", help="Connect in this way, not by a password."
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Write a report: {', '.join(FORMATS)} (may be repeated).",
)
@_require
def run(
    sdks: tuple[str, ...],
    everything: bool,
    last: int | None,
    clean: bool,
    os_cloud: str | None,
    server: str,
    tls: bool,
    way: str,
    reports: tuple[Path, ...],
    require: tuple[str, ...],
) -> None:
    """Run samples step by step, and check what the server holds after each."""
    steps, kits = _guide()
    if bool(sdks) == everything:
        raise Problem("name the SDKs to run, or all", f"known: {', '.join(kits)}")
    if os_cloud == "":
        raise Problem("--os-cloud is empty", "name a cloud of clouds.yaml")
    if last is not None and not 1 <= last <= len(steps):
        raise Problem(f"there is no step {last}", f"they are 1 to {len(steps)}")
    if clean and not (last and os_cloud):
        raise Problem(
            "--clean goes with --step and --os-cloud",
            "leave it out: a whole run leaves nothing, nor does one on a cloud of ours",
        )
    if way and way not in steps.ways:
        raise Problem(f"unknown way '{way}'", nearest(way, steps.ways))
    if os_cloud and (tls or way or server != SERVERS[0]):
        raise Problem(
            f"the entry of '{os_cloud}' says how to reach it, and how to connect",
            "leave out --server, --tls and --way",
        )
    if server == "moto" and (tls or way):
        raise Problem("moto has neither TLS nor ways", "leave out --tls and --way")
    if server == "ceph" and tls:
        raise Problem("Ceph is reached over HTTP here", "leave out --tls")
    chosen = list(kits.values()) if everything else [_kit(kits, sdk) for sdk in sdks]
    required = _required(kits, require, named=sdks)
    for sdk in required:
        if kits[sdk] not in chosen:
            raise Problem(
                f"'{sdk}' is required, and not among those to run", "name it, or all"
            )
    why_not = None if os_cloud else supported(server)
    kind, name = ("cloud", os_cloud) if os_cloud else ("server", server)
    with Reports(reports, steps, kind, name, last, required) as report:
        report.outcomes = [Outcome(kit) for kit in chosen]
        with (
            _told(report),
            Stage(steps, os_cloud=os_cloud, server=server, tls=tls, way=way) as stage,
            report.of(stage),
            _terminated() if os_cloud else nullcontext(),
        ):
            why_not = why_not or stage.why_not
            # The samples are read while the servers start.
            outcomes = report.outcomes = _outcomes(
                *(chosen, steps, why_not),
                named=sdks,
                server=server,
                way=stage.way,
                needs=stage.needs,
            )
            with _progress(outcomes, steps) as tell:
                whole = run_batch(
                    stage,
                    outcomes,
                    tell,
                    last=last,
                    compare=os_cloud is None,
                    # Where another is to run, nothing may be in its way.
                    keep=not clean and len(chosen) == 1,
                )
        _finish(outcomes, steps, required, whole)


@main.command("clean")
@click.option(
    "--os-cloud", metavar="NAME", required=True, help="This cloud of clouds.yaml."
)
def clean_(os_cloud: str) -> None:
    """Remove what a run left on a cloud: what bears the mark of a run."""
    steps, kits = _guide()
    with Fractals() as fractals:
        report = clean_cloud(os_cloud, steps, kits.values(), fractals)
    for line in report.lines(os_cloud) or [f"nothing of a run is on '{os_cloud}'"]:
        click.echo(line)
    if report.left:
        sys.exit(1)


@main.command()
@click.argument("sdk")
def record(sdk: str) -> None:
    """Run a sample and write what it printed as its recording."""
    steps, kits = _guide()
    [outcome] = _outcomes([_kit(kits, sdk)], steps, supported(SERVERS[0]), named=[sdk])
    folder = outcome.kit.folder / "recorded"
    stage = Stage(steps)
    with stage, _progress([outcome], steps) as tell:
        run_batch(stage, [outcome], tell, compare=False, record=True)
        said = {}
        if outcome.recording:
            for name, trouble in load_troubles(steps.path.parent).items():
                click.echo(f"{sdk}: trouble {name}", err=True)
                said[name] = meet(stage, outcome.kit, trouble)
    if outcome.recording:
        try:
            old = read_recording(folder, len(steps))
        except Problem:
            old = None
        same = old is not None and old.same_but_for_time(outcome.recording)
        try:
            if not same:
                write_recording(outcome.recording, folder)
            same = not write_said(said, folder) and same
        except OSError as error:
            raise Problem(
                f"cannot be written: {error.strerror}",
                "mend its permissions, or make room",
                path=error.filename or folder,
            ) from None
        click.echo(f"{shown(folder)}: {'nothing changed' if same else 'written'}")
    _finish([outcome], steps, [sdk])


@main.command()
@_require
def guide(require: tuple[str, ...]) -> None:
    """Run every sample that can run here, and build the guide from that."""

    def build(doc: Path, site: Path, fresh: Path, outcomes: list[Outcome]) -> None:
        built = subprocess.run(
            [
                *(sys.executable, "-m", "sphinx", "-b", "html", "-q", "-E"),
                *("-W", "--keep-going", "-n", "-d", str(fresh / "doctrees")),
                *("-D", f"livesteps_fresh={fresh}", str(doc), str(site)),
            ],
            check=False,
        ).returncode
        if built:
            raise Problem(
                "the guide was not built", "mend what Sphinx says above", path=doc
            )

    _publish(require, "html", build)


@main.command()
@_require
def editions(require: tuple[str, ...]) -> None:
    """Run every sample, and build all that is published.

    The site; an edition for each SDK; and each of these as PDF, EPUB and
    Markdown. GUIDE_URL in the environment says where it will be.
    """
    # Only who prints needs what prints.
    from livesteps.editions import build_editions, editions

    def build(doc: Path, site: Path, fresh: Path, outcomes: list[Outcome]) -> None:
        if any(outcome.state is State.FAILED for outcome in outcomes):
            click.echo("Nothing was built: what failed is not to be published.")
            return
        kits = [outcome.kit for outcome in outcomes]
        wanted = editions(doc, site, kits, ("-D", f"livesteps_fresh={fresh}"))
        build_editions(wanted)
        for edition in wanted:
            files = [path for path in edition.folder.glob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
            click.echo(
                f"{shown(edition.folder)}: {edition.title}, {len(files)} files, "
                f"{size / 1e6:.1f} MB"
            )

    _publish(require, "site", build)


def _publish(
    require: tuple[str, ...],
    name: str,
    build: Callable[[Path, Path, Path, list[Outcome]], None],
) -> None:
    """Run what can run, then build, from what ran, into `build/name`."""
    steps, kits = _guide()
    required = _required(kits, require)
    outcomes = _outcomes(list(kits.values()), steps, supported(SERVERS[0]))
    whole = 0.0
    if any(outcome.state is State.WAITING for outcome in outcomes):
        stage = Stage(steps)
        with stage, _progress(outcomes, steps) as tell:
            whole = run_batch(stage, outcomes, tell, record=True)
    doc = steps.path.parent.parent / "doc"
    site = doc.parent / "build" / name
    with tempfile.TemporaryDirectory(prefix="livesteps-guide-") as folder:
        fresh = Path(folder)
        for outcome in outcomes:
            if outcome.recording and outcome.state is State.PASSED:
                write_recording(outcome.recording, fresh / outcome.kit.id)
        click.echo(f"Building {shown(site)} ...")
        shutil.rmtree(site, ignore_errors=True)
        build(doc, site, fresh, outcomes)
    _finish(outcomes, steps, required, whole)
    click.echo(f"Open {site / 'durability.html'}")


@main.command("doctor")
def doctor_() -> None:
    """Show what runs on this machine, what it lacks, and what brings that."""
    from livesteps import doctor  # reading bindep.txt takes a while

    steps, kits = _guide()
    bindep = steps.path.parent.parent / "bindep.txt"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what")
    table.add_column("here", overflow="fold")
    lacking: dict[str, list[str]] = {}
    with ThreadPoolExecutor() as pool:
        found = pool.map(doctor.look_for, kits.values())
    for kit, (here, lacks) in zip(kits.values(), found, strict=True):
        table.add_row(kit.id, Text(here, style="yellow" if lacks else "green"))
        if lacks:
            lacking[kit.id] = doctor.remedies(bindep, kit.id, kit.download)
    for server, why_not in doctor.servers().items():
        shown = Text(why_not, style="yellow") if why_not else Text("ok", style="green")
        table.add_row(f"server {server}", shown)
        if why_not:
            lacking[f"server {server}"] = doctor.remedies(bindep, server)
    Console(width=None if sys.stdout.isatty() else 240).print(table)
    for name, lines in lacking.items():
        click.echo(f"\nTo run {name}:")
        for line in lines or ["this machine cannot; use one with Linux"]:
            click.echo(f"  {line}")


def _guide() -> tuple[Steps, dict[str, Kit]]:
    """The steps and kits of the guide that the current folder is in."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / "samples" / "steps.toml"
        if path.is_file():
            return load_steps(path), load_kits(path.parent)
    raise Problem(
        "there is no samples/steps.toml here or above", "go to a guide's folder"
    )


def _kit(kits: dict[str, Kit], sdk: str) -> Kit:
    if sdk not in kits:
        raise Problem(f"unknown SDK '{sdk}'", nearest(sdk, kits))
    return kits[sdk]


def _required(
    kits: dict[str, Kit], require: Sequence[str], *, named: Sequence[str] = ()
) -> list[str]:
    """The SDKs that must run: of those that are only recorded, who is named."""
    for sdk in require:
        only = _kit(kits, sdk).recorded_only
        if only and sdk not in named:
            raise Problem(
                f"'{sdk}' is recorded only, and cannot be required: {only}",
                f"run it by its name: `livesteps run {sdk}`",
            )
    return list(require)


def _outcomes(
    kits: Sequence[Kit],
    steps: Steps,
    why_not: str | None,
    *,
    named: Sequence[str] = (),
    server: str = SERVERS[0],
    way: str = "",
    needs: Sequence[str] = (),
) -> list[Outcome]:
    """An outcome for each kit; those that cannot run against this server, not
    connect in this way, or not do what this cloud needs, say why."""
    for kit in kits:
        _ = kit.sample  # a wrong marker stops all, before anything runs

    def outcome_of(kit: Kit) -> Outcome:
        if kit.recorded_only and kit.id not in named:
            return only_recorded(kit, len(steps))
        why = why_not or ""
        if server not in (SERVERS[0], *kit.servers) and kit.id not in named:
            why = f"its sdk.toml does not say that it runs on {server}"
        if way and not why:
            try:
                kit.way(way)
            except Problem as problem:
                why = str(problem)
        for need in needs:
            why = why or getattr(kit.cannot, need)
        return Outcome(kit, State.NOT_RUN if why else State.WAITING, why=why)

    return [outcome_of(kit) for kit in kits]


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
def _told(report: Reports) -> Iterator[None]:
    """Who interrupts is told what became of what the runs made."""
    try:
        yield
    except KeyboardInterrupt:
        _tell_after(report.outcomes)
        raise


def _tell_after(outcomes: list[Outcome]) -> None:
    """Print what the runs left in somebody's account, or removed there."""
    for outcome in outcomes:
        for line in outcome.after:
            click.echo(f"{outcome.kit.id}: {line}", err=True)


@contextmanager
def _progress(outcomes: list[Outcome], steps: Steps) -> Iterator[_Tell]:
    """Show how far each sample is: live on a terminal, else line by line."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Live(
            get_renderable=lambda: _table(outcomes, steps),
            console=console,
            transient=True,
            refresh_per_second=8,
        ):
            yield _Tell(None)
    else:
        yield _Tell(len(steps))


class _Tell:
    """Called when a sample got further."""

    def __init__(self, steps: int | None) -> None:
        self._steps = steps

    def __call__(self, outcome: Outcome) -> None:
        if self._steps is None:
            return
        if outcome.doing:
            click.echo(f"{outcome.kit.id}: {outcome.doing}")
        elif outcome.state is State.RUNNING and outcome.step:
            click.echo(
                f"{outcome.kit.id}: {outcome.step.label}"
                f" ({outcome.passed}/{self._steps}, {outcome.seconds:.2f} s)"
            )


def _table(outcomes: list[Outcome], steps: Steps) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("SDK", "version", "steps passed", "seconds", "result"):
        table.add_column(title, justify="right" if title == "seconds" else "left")
    for outcome in outcomes:
        ran = outcome.step is not None
        state = outcome.state.value
        if outcome.state is State.RUNNING and outcome.step:
            state = outcome.doing or outcome.step.label
        elif outcome.state is State.RUNNING and outcome.doing:
            state = outcome.doing
        elif outcome.why:
            between = " " if outcome.state is State.RECORDED else ": "
            state += between + outcome.why
        elif outcome.state is State.PASSED and outcome.gaps:
            gaps = ", ".join(map(str, outcome.gaps))
            state += f", but for what is declared a gap: {gaps}"
        table.add_row(
            outcome.kit.id,
            outcome.version,
            f"{outcome.passed} of {len(steps)}" if ran else "-",
            f"{outcome.seconds:.1f}" if ran else "-",
            Text(state, style=STYLES[outcome.state]),
        )
    return table


def _finish(
    outcomes: list[Outcome], steps: Steps, required: list[str], whole: float = 0.0
) -> None:
    """Print how all went, and in how many seconds on the whole.

    Exit with 2 if a sample is broken, with 1 if one did something else than it
    should, or was not run although it had to be.
    """
    for outcome in outcomes:
        if outcome.failure:
            click.echo(f"\n{outcome.failure}\n", err=True)
    _tell_after(outcomes)
    console = Console(width=None if sys.stdout.isatty() else 240)
    table = _table(outcomes, steps)
    if sum(outcome.step is not None for outcome in outcomes) > 1:
        table.add_row("all", "", "", f"{whole:.1f}", "")
    console.print(table)
    failed = [outcome for outcome in outcomes if outcome.state is State.FAILED]
    absent = [
        outcome.kit.id
        for outcome in outcomes
        if outcome.state is State.NOT_RUN and outcome.kit.id in required
    ]
    if absent:
        click.echo(f"required, but not run: {', '.join(absent)}", err=True)
    if any(outcome.failure and outcome.failure.broken for outcome in failed):
        sys.exit(2)
    if failed or absent:
        sys.exit(1)
