"""The commands `livesteps guide` and `livesteps editions`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from livesteps.cli.progress import finish, progress, require
from livesteps.errors import need, shown
from livesteps.publish import Publication, plan_all, publication, run_all
from livesteps.read.guide import find_guide
from livesteps.run.outcome import State
from livesteps.run.plan import required

GUIDE = ("sphinx", "sphinx_design", "rcssmin", "rjsmin")
"""Modules that a page is made with, and that not all have installed."""
EDITIONS = ("sphinx_markdown_builder", "tinyhtml5", "weasyprint")
"""Those that the other forms are made with."""


@click.command()
@require
def guide(require: tuple[str, ...]) -> None:
    """Run every sample that can run here, and build the guide from that."""
    from livesteps.publish.sphinx import build

    need("livesteps guide", "guide", *GUIDE)

    def made(published: Publication) -> None:
        build(
            published.guide.root / "doc", "html", published.site, fresh=published.fresh
        )

    _publish(require, "html", made)


@click.command()
@require
def editions(require: tuple[str, ...]) -> None:
    """Run every sample, and build all that is published.

    The site; an edition for each SDK; and each of these as PDF, EPUB and
    Markdown. GUIDE_URL in the environment says where it will be.
    """
    need("livesteps editions", "editions", *GUIDE, *EDITIONS)
    # Only who prints needs what prints.
    from livesteps.publish.editions import build_editions, editions

    def made(published: Publication) -> None:
        if any(outcome.state is State.FAILED for outcome in published.outcomes):
            click.echo("Nothing was built: what failed is not to be published.")
            return
        wanted = editions(published.guide, published.site, published.fresh)
        build_editions(wanted)
        for edition in wanted:
            files = [path for path in edition.folder.glob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
            click.echo(
                f"{shown(edition.folder)}: {edition.title}, {len(files)} files, "
                f"{size / 1e6:.1f} MB"
            )

    _publish(require, "site", made)


def _publish(
    require: tuple[str, ...], name: str, made: Callable[[Publication], None]
) -> None:
    guide = find_guide(Path.cwd())
    needed = required(guide, require)
    outcomes = plan_all(guide)
    with progress(outcomes) as tell:
        whole = run_all(guide, outcomes, tell)
    with publication(guide, outcomes, name) as published:
        click.echo(f"Building {shown(published.site)} ...")
        made(published)
    finish(outcomes, needed, whole)
    click.echo(f"Open {published.site / next(iter(guide.chapters))}.html")
