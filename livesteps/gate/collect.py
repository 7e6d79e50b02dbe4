"""An SDK's folder, as pytest sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livesteps.errors import Problem
from livesteps.gate.items import (
    CheckItem,
    RecordingItem,
    ServerItem,
    StepItem,
    TroubleItem,
)
from livesteps.gate.sample import Sample
from livesteps.read.guide import Guide, load_guide
from livesteps.read.sdk import load_sdk

GUIDES = pytest.StashKey[dict[Path, Guide]]()


class SDKFile(pytest.File):
    """An SDK's folder; its items share one run of each chapter's program."""

    def collect(self) -> Iterator[pytest.Item]:
        """Those of each chapter; of several, each has the chapter in its name."""
        self.samples: list[Sample] = []
        try:
            guide = self._guide()
            sdk = load_sdk(self.path, guide.plugins, list(guide.chapters))
            self.samples += [
                Sample(self.config, guide, sdk, chapter)
                for chapter in guide.programs(sdk)
            ]
            for sample in self.samples:
                sdk.sample_of(sample.chapter.name)
        except Problem as problem:
            raise self.CollectError(str(problem)) from None
        for sample in self.samples:
            yield from self._items(sample)

    def teardown(self) -> None:
        """End the runs when the last of its items is done."""
        for sample in self.samples:
            sample.close()

    def _guide(self) -> Guide:
        guides = self.config.stash.setdefault(GUIDES, {})
        path = self.path.parents[1] / "guide.toml"
        if path not in guides:
            guides[path] = load_guide(path)
        return guides[path]

    def _items(self, sample: Sample) -> Iterator[pytest.Item]:
        guide, sdk, chapter = sample.guide, sample.sdk, sample.chapter
        of = "" if len(guide.chapters) == 1 else f"{chapter.name}: "
        about: dict[str, Any] = {"parent": self, "sample": sample}
        yield RecordingItem.from_parent(name=f"{of}recording", **about)
        blocks = [
            name for name in chapter.ways if name in sdk.ways and sdk.ways[name].sample
        ]
        for words in sdk.check:
            name = f"{of}check by {Path(words[0]).name.strip('{}')}"
            yield CheckItem.from_parent(name=name, words=words, **about)
            for block in blocks:
                label = f"{name}, {block}"
                yield CheckItem.from_parent(name=label, words=words, way=block, **about)
        if sdk.recorded_only:
            return
        for step in chapter.steps:
            yield StepItem.from_parent(name=f"{of}{step.label}", step=step, **about)
        for name, trouble in guide.troubles.items():
            if trouble.chapter == chapter.name:
                label = f"{of}trouble {name}"
                yield TroubleItem.from_parent(name=label, trouble=trouble, **about)
        for server in sdk.servers:
            tls = guide.plugins.servers[server].tls
            name = f"{of}on {server}" + (" over TLS" if tls else "")
            yield ServerItem.from_parent(name=name, server=server, tls=tls, **about)
        first = guide.plugins.servers[guide.server]
        over = ", over TLS" if first.tls else ""
        for way in blocks if first.ways else ():
            name = f"{of}{chapter.ways[way].title}{over}"
            yield ServerItem.from_parent(name=name, way=way, tls=first.tls, **about)
        if first.tls and sdk.ca and not blocks:
            yield ServerItem.from_parent(name=f"{of}over TLS", tls=True, **about)
