"""The commands `livesteps cloud` and `livesteps clean`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from livesteps.plugin import Host, Problem, need


@click.command()
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
@click.pass_obj
def cloud(host: Host, state: Path | None, clouds_yaml: Path | None) -> None:
    """Run Keystone and Swift here until Ctrl-C, and print the OS_* lines.

    In a guide's folder, the guide's services run with them.
    """
    from livesteps_openstack.cloud import serve

    with ExitStack() as stack:
        try:
            guide = host.guide()
        except Problem:
            guide = None  # it is of use without one
        services = stack.enter_context(host.services(guide)) if guide else {}
        for each in services.values():
            click.echo(f"export {each.file.variable}={each.url}")
        serve(state, clouds_yaml)


@click.command()
@click.option(
    "--os-cloud", metavar="NAME", required=True, help="This cloud of clouds.yaml."
)
@click.pass_obj
def clean(host: Host, os_cloud: str) -> None:
    """Remove what a run left on a cloud: what bears the mark of a run."""
    need("livesteps clean", "openstack", "openstack", "requests")
    from livesteps_openstack.named.account import clean_cloud

    guide = host.guide()
    with host.services(guide) as services:
        report = clean_cloud(os_cloud, guide, services)
    for line in report.lines(os_cloud) or [f"nothing of a run is on '{os_cloud}'"]:
        click.echo(line)
    if report.left:
        sys.exit(1)
