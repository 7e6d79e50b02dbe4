"""A person's own cloud, by its name in clouds.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from livesteps.plugin import Info, Problem, Purpose, Server, need

if TYPE_CHECKING:
    from livesteps.read.deviations import Deviations
    from livesteps.read.guide import Guide
    from livesteps.read.sdk import SDK
    from livesteps.run.service import Service
    from livesteps_openstack.named.account import Named
    from livesteps_openstack.named.entry import Entry


class CloudsYaml(Server):
    """A cloud that is not ours: a run leaves it as it was."""

    name = "os-cloud"
    title = "a cloud of clouds.yaml"
    option = "--os-cloud"
    option_help = "Run against this cloud of clouds.yaml."
    at_once = 1  # all share what they store in

    def __init__(
        self, guide: Guide, *, tls: bool = False, way: str = "", named: str = ""
    ) -> None:
        super().__init__(guide)
        if not named:
            raise Problem("--os-cloud is empty", "name a cloud of clouds.yaml")
        self.cloud_name = named
        self._ca: Path | None = None
        self._info = Info(None, "the servers were not ready")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """What is wrong with its entry stops all, before anything runs."""
        need(self.option, "openstack", "openstack", "requests")
        from livesteps_openstack.named.entry import read_entry
        from livesteps_openstack.named.fit import Unfit
        from livesteps_openstack.session import proxies_to

        with ExitStack() as stack:
            try:
                entry = read_entry(self.cloud_name)
                self.way = entry.way
                urls = (entry.url, entry.environment["OS_AUTH_URL"])
                needs = {
                    "ipv6": any("[" in urlsplit(url).netloc for url in urls),
                    "proxy": any(map(proxies_to, urls)),
                }
                self.needs = tuple(key for key in needs if needs[key])
                if entry.ca:
                    self._ca = stack.enter_context(_with_trust_store(entry.ca))
                account = self.named(None, {}, entry)
                self._info = account.contents.info()
                account.close()
            except Unfit as unfit:
                self.why_not = str(unfit)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def info(self) -> Info:
        """It said so on entry."""
        return self._info

    def deviations(self) -> Deviations:
        """What it lacks, as it says itself."""
        return missing(self._info.content or {}, self.guide)

    def account(self, purpose: Purpose) -> Named:
        """The project of its entry, which is read anew; `Problem` if what the program
        makes, or any program, is there."""
        from livesteps_openstack.named.entry import read_entry

        return self.named(purpose.sdk, purpose.services, read_entry(self.cloud_name))

    def named(
        self, sdk: SDK | None, services: Mapping[str, Service], entry: Entry
    ) -> Named:
        """The project of an entry; `Problem` if what a program of this SDK makes, or
        any program, is there."""
        from livesteps_openstack.contracts.holds import guarded, stored_by
        from livesteps_openstack.named.account import Named
        from livesteps_openstack.named.keys import keys_made

        # Who cleans up asks it of each name; the services may not be ready before.
        known = cache(lambda: stored_by(self.guide, services))
        return Named(
            entry,
            guarded(self.guide, [sdk] if sdk else []),
            ca=self._ca,
            makes_keys=keys_made(self.guide, sdk) if sdk else {},
            knows=lambda name: known()(name),
        )


def missing(info: Mapping[str, Any], guide: Guide) -> Deviations:
    """How a server that says this differs from what is recorded.

    What it lacks is no failure of an SDK. Without static large objects an SDK may
    make dynamic ones, of which Ceph's `/info` says nothing.
    """
    if "swift" not in info:
        return guide.deviations[guide.server]
    # Ceph gives its own version here, 10 or more; Swift has been at 2 since 2014.
    version = re.match(r"\d+", str(info["swift"].get("version", "")))
    ceph = version and int(version[0]) >= 10
    server = guide.deviations["ceph" if ceph else guide.server]
    # Another version may have what is declared a gap.
    gaps = tuple(gap.model_copy(update={"server": ""}) for gap in server.gaps)
    without = {}
    if "tempurl" not in info:
        gaps = (server.lack("shares", "this cloud has no temporary URLs"), *gaps)
    if "slo" not in info:
        for chapter in guide.chapters.values():
            for step in chapter.steps:
                names = [
                    name for held in step.contract["holds"].values() for name in held
                ]
                if any(chapter.tables["objects"][name].segments for name in names):
                    why = "this cloud has no static large objects"
                    without[chapter.name, step.number] = why
                    break
    return replace(server, gaps=gaps, without=without)


@contextmanager
def _with_trust_store(ca: Path) -> Iterator[Path]:
    """The same certificates in a folder of ours, with a trust store beside."""
    from livesteps_openstack.cloud import certificate

    with TemporaryDirectory(prefix="livesteps-ca-") as folder:
        try:
            copy = certificate.write_ca(Path(folder), ca.read_bytes())
        except ValueError as error:
            raise Problem(
                f"it has a certificate that cannot be read: {error}",
                "take it out, or make it anew",
                path=ca,
            ) from None
        yield copy
