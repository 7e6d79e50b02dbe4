"""`pictures`: what the Fractals app made, for the contracts of this guide."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from livesteps.plugin import Name, Seen
from livesteps_openstack.contracts.holds import Stores, Whole

if TYPE_CHECKING:
    from livesteps.read.chapter import Chapter, Step
    from livesteps.run.service import Service

TIMEOUT = 60
"""Seconds that the app may take to answer."""


class Pictures(Stores):
    """This container holds, besides, the Fractals app's pictures."""

    key = "pictures"
    type = str

    def names(self, value: str, step: Step, chapter: Chapter) -> Iterator[Name]:
        """The container, which the step holds."""
        yield Name("container", value, step.contract.get("holds", {}))

    def stored(
        self, value: str, services: Mapping[str, Service]
    ) -> dict[str, dict[str, Whole]]:
        """All of them."""
        pictures = checksums(services["fractals"].url)
        return {value: {id_: Whole(md5, "image/png") for id_, md5 in pictures.items()}}

    def stored_names(self, services: Mapping[str, Service]) -> Iterable[str]:
        """Their uuids."""
        return checksums(services["fractals"].url)

    def check(self, value: str, seen: Seen) -> list[str]:
        """What `holds` looks at, with the rest."""
        return []


@cache
def checksums(url: str) -> dict[str, str]:
    """The pictures' md5 in hexadecimal digits, by uuid, as the app at a URL says."""
    from urllib.request import ProxyHandler, build_opener

    # The app is on this machine: no proxy stands before it.
    opener = build_opener(ProxyHandler({}))
    with opener.open(
        f"{url}/v1/fractal?results_per_page=-1", timeout=TIMEOUT
    ) as answer:
        found = json.load(answer)["objects"]
    return {each["uuid"]: each["checksum"] for each in found}
