"""An SDK's folder, `samples/<sdk>/sdk.toml`: all that differs between SDKs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pydantic import create_model

from livesteps.errors import Problem
from livesteps.read.plugins import Plugins
from livesteps.read.sample import Sample, read_sample
from livesteps.read.sdkfile import Gap, SDKFile, Way, faults, program_of
from livesteps.read.tomlfile import line_of, load


class SDK(SDKFile):
    """How one SDK's samples are read and run: what its sdk.toml says."""

    folder: Path
    chapters: tuple[str, ...]
    """The guide's, of which it has programs but for its gaps."""
    more: dict[str, Any]
    """What plugins read of its sdk.toml, by key."""

    @property
    def id(self) -> str:
        """The folder's name, by which commands, tabs and addresses call it."""
        return self.folder.name

    @property
    def toml(self) -> Path:
        """The file that it was read from."""
        return self.folder / "sdk.toml"

    @cached_property
    def ways(self) -> dict[str, Way]:
        """The other ways to connect, by name."""
        return {way.name: way for way in self.way}

    def path(self, chapter: str) -> Path:
        """The program of a chapter."""
        return self.folder / program_of(self.sample, chapter)

    def recorded(self, chapter: str) -> Path:
        """The folder of a chapter's recording."""
        return self.folder / "recorded" / chapter

    def gaps(self, chapter: str) -> Mapping[int, Gap]:
        """The steps of a chapter that cannot be done with it; 0 is all of it."""
        return {
            gap.step: gap
            for gap in self.gap
            if (gap.chapter or self.chapters[0]) == chapter
        }

    def sample_of(self, chapter: str) -> Sample:
        """The program of a chapter, its markers checked; gaps are steps of it."""
        sample = self._samples.get(chapter)
        if sample is None:
            sample = self._samples[chapter] = self._read(self.path(chapter))
            for index, gap in enumerate(self.gap):
                of_it = (gap.chapter or self.chapters[0]) == chapter
                if of_it and not 0 <= gap.step <= sample.steps:
                    raise Problem(
                        f"gap.step: there is no step {gap.step}",
                        f"they are 1 to {sample.steps}",
                        path=self.toml,
                        line=self.line_of("gap", index, "step"),
                    )
        return sample

    def block_of(self, name: str) -> Sample:
        """The block that takes the place of step 1 where the way is another.

        `Problem` says why there is none.
        """
        way = self.ways.get(name)
        if way is None:
            raise Problem(f"its sdk.toml does not name the way '{name}'")
        if not way.sample:
            raise Problem(way.reason)
        block = self._read(self.folder / way.sample)
        if block.steps != 1:
            raise Problem(
                f"it has {block.steps} steps",
                f"end it with `{self.comment} step-2`: it takes the place of step 1",
                path=block.path,
                line=block.markers[-1],
            )
        return block

    def line_of(self, *keys: int | str) -> int:
        """The line of a key in its file."""
        return line_of(self.toml.read_text(encoding="utf-8"), list(keys))

    @cached_property
    def _samples(self) -> dict[str, Sample]:
        return {}

    def _read(self, path: Path) -> Sample:
        return read_sample(
            path,
            comment=self.comment,
            lexer=self.lexer,
            lexer_options=self.lexer_options,
            opening=self.opening,
        )


def load_sdk(path: Path, plugins: Plugins, chapters: Collection[str]) -> SDK:
    """Read an sdk.toml; `Problem` says where it is wrong.

    `chapters` are the guide's.
    """
    more = {
        key: kind
        for each in plugins.kinds.values()
        for key, kind in each.sdk_keys.items()
    }
    file = load(path, _model(tuple(more.items())))
    text = path.read_text(encoding="utf-8")
    for key, what, todo in faults(file, path.parent, plugins, list(chapters)):
        keys = [int(word) if word.isdecimal() else word for word in key.split(".")]
        raise Problem(f"{key}: {what}", todo, path=path, line=line_of(text, keys))
    own = {name: getattr(file, name) for name in SDKFile.model_fields}
    return SDK(
        **own,
        folder=path.parent,
        chapters=tuple(chapters),
        more={key: getattr(file, key) for key in more if getattr(file, key)},
    )


def load_sdks(
    samples: Path, plugins: Plugins, chapters: Collection[str]
) -> dict[str, SDK]:
    """Every SDK below `samples`, by its folder's name, sorted by its own."""
    sdks = [load_sdk(path, plugins, chapters) for path in samples.glob("*/sdk.toml")]
    sdks.sort(key=lambda sdk: sdk.name.casefold())
    return {sdk.id: sdk for sdk in sdks}


@cache  # the same for all SDKs of a guide, and it takes as long as all the rest
def _model(more: tuple[tuple[str, Any], ...]) -> type[SDKFile]:
    """What an sdk.toml may hold, with the keys that plugins bring."""
    keys: dict[str, Any] = {key: (kind | None, None) for key, kind in more}
    return create_model("SDKFile", __base__=SDKFile, **keys)
