"""The command `fractals`. Its commands can follow one another in a line."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress, track
from sqlalchemy.exc import OperationalError

from fractals import move, settings
from fractals.app import App
from fractals.errors import Changed, FractalsError, Missing
from fractals.model import Fractal

AT_ONCE = 4
"""Pictures that are moved or read side by side."""


class Commands(click.Group):
    """Commands whose errors are one line for a person."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (FractalsError, OSError) as error:
            raise click.ClickException(str(error)) from error
        except ValidationError as error:
            [first, *_] = error.errors()
            raise click.ClickException(
                f"{first['loc'][0]}: {first['msg']}"
            ) from error
        except OperationalError as error:
            raise click.ClickException(
                f"the database: {error.orig}"
            ) from error


def app(*, ready: bool = True) -> App:
    """The app of this process; `ready` means that its database must be so."""
    context = click.get_current_context().find_root()
    if context.obj is None:
        context.obj = App(settings.load(os.environ))
        context.call_on_close(context.obj.database.engine.dispose)
    made = context.obj
    assert isinstance(made, App)
    if ready:
        made.database.check()
    return made


@click.group(cls=Commands, chain=True)
def main() -> None:
    """Draw fractals, and keep their pictures.

    The first command on a new database is `fractals upgrade`. Commands can be
    chained: `fractals upgrade create --tasks 5 serve`.

    \b
    FRACTALS_DATABASE_URL   sqlite:///fractals.db, or postgresql://...
    FRACTALS_STORAGE        where new pictures go: database, file or swift
    FRACTALS_FOLDER         the folder of the storage file: pictures
    FRACTALS_CONTAINER      that of the storage swift: fractals-pictures
    FRACTALS_CLAIM_SECONDS  how long a worker may take for a picture: 600
    """
    # Told to end, a worker gives back what it has claimed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@main.command()
def upgrade() -> None:
    """Make the database's tables, or bring them up to date."""
    app(ready=False).database.upgrade()


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port", default=5000, show_default=True, help="0: any free one."
)
def serve(host: str, port: int) -> None:
    """Answer the API, and show the gallery."""
    from waitress.server import create_server

    from fractals.api import make_web

    running = app()
    _ = running.storage  # What is wrong with it is told now.
    try:
        # Port 0 has become a number now.
        listener = socket.create_server((host, port))
    except OSError as error:
        raise FractalsError(f"{host}:{port}: {error.strerror}") from error
    server = create_server(make_web(running), sockets=[listener], threads=8)
    click.echo(f"http://{host}:{listener.getsockname()[1]}/")
    sys.stdout.flush()
    server.run()


@main.command()
def worker() -> None:
    """Draw and store what waits, until it is stopped."""
    from fractals.worker import Worker

    Worker(app()).run()


@main.command()
@click.option("--tasks", default=1, show_default=True, help="How many.")
@click.option(
    "--seed", type=int, help="With the same seed come the same ones."
)
@click.option("--width", default=640, show_default=True)
@click.option("--height", default=480, show_default=True)
def create(tasks: int, seed: int | None, width: int, height: int) -> None:
    """Draw fractals that are chosen by chance."""
    from fractals.create import by_chance
    from fractals.worker import Worker

    running = app()
    worker = Worker(running)
    chance = random.Random(seed)
    made = [by_chance(chance, width, height) for _ in range(tasks)]
    with running.database.session() as session, session.begin():
        for fractal in made:
            if session.get(Fractal, fractal.uuid) is None:
                session.add(fractal)
    uuids = [fractal.uuid for fractal in made]
    still = sa.select(sa.func.count(Fractal.uuid)).where(
        Fractal.uuid.in_(uuids), Fractal.storage.is_(None)
    )
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Drawing", total=tasks)
        while True:
            with running.database.session() as session:
                left = session.scalar(still) or 0
            progress.update(task, completed=tasks - left)
            if not left:
                break
            if not worker.step():
                time.sleep(0.1)


@main.command()
@click.option(
    "--to", "target", type=click.Choice(settings.STORAGES), required=True
)
@click.option("--dry-run", is_flag=True, help="Only say what would be moved.")
def migrate(target: str, dry_run: bool) -> None:
    """Move all pictures to another storage.

    It can be stopped at any point, and started again.
    """
    running = app()
    fractals = move.to_migrate(running, target)
    if dry_run:
        moving = [each for each in fractals if each.storage != target]
        total = sum(each.size or 0 for each in moving)
        click.echo(
            f"{len(moving)} pictures ({total:,} bytes) would move to {target}"
        )
        return
    _ = running.storages[target]
    failed = _each(
        f"To {target}",
        fractals,
        lambda fractal: move.migrate(running, fractal, target),
    )
    for _, why in failed:
        click.echo(f"not moved: {why}", err=True)
    moved = len(fractals) - len(failed)
    _end(f"{moved} pictures moved to {target}", len(failed))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def restore(folder: Path) -> None:
    """Write all pictures into FOLDER, whoever stores them."""
    running = app()
    fractals = move.stored(running)
    try:
        failed = _each(
            "Restoring",
            fractals,
            lambda fractal: move.restore(running, fractal, folder),
        )
    except OSError as error:
        raise FractalsError(f"{folder}: {error.strerror}") from error
    for _, why in failed:
        click.echo(f"not restored: {why}", err=True)
    restored = len(fractals) - len(failed)
    _end(f"{restored} pictures written to {folder}", len(failed))


@main.command()
def verify() -> None:
    """Compare the database and what is stored, both ways."""
    running = app()
    fractals = move.stored(running)
    found = [
        (type(error).__name__.lower(), fractal.storage, str(fractal.uuid))
        for fractal, error in _each(
            "Verifying",
            fractals,
            lambda fractal: move.verify(running, fractal),
        )
    ]
    found += [("orphaned", *orphan) for orphan in move.orphans(running)]
    for what, storage, name in sorted(found):
        click.echo(f"{what} in {storage}: {name}")
    _end(f"{len(fractals)} pictures verified", len(found))


def _each(
    title: str, fractals: list[Fractal], work: Callable[[Fractal], None]
) -> list[tuple[Fractal, FractalsError]]:
    """Do something with each fractal, with some at once, and show a bar.

    Those whose pictures are missing or changed are returned, with the error.
    Any other error ends it.
    """
    failed: list[tuple[Fractal, FractalsError]] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        doing = {pool.submit(work, fractal): fractal for fractal in fractals}
        try:
            for done in track(
                as_completed(doing),
                title,
                total=len(doing),
                console=Console(stderr=True),
            ):
                try:
                    done.result()
                except (Missing, Changed) as error:
                    failed.append((doing[done], error))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return failed


def _end(said: str, problems: int) -> None:
    if problems:
        raise FractalsError(
            f"{said}, {problems} problem{'s' if problems > 1 else ''}"
        )
    click.echo(said)
