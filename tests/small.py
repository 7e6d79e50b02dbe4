"""Small guides that tests make and spoil, and the command that runs on them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livesteps.read.chapter import Chapter
from livesteps.read.guide import Guide, load_guide
from livesteps.read.sdk import SDK

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from livesteps.cli import main; main()"]

GUIDE_TOML = """\
title = "Tiny"
chapters = ["tiny"]
plugins = ["openstack"]
server = "swift"
always = ["holds"]
"""

SDK_TOML = """\
name = "Tiny SDK"
language = "Python"
lexer = "python"
sample = "{chapter}.py"
comment = "#"
boundary = 'print("\\x1e{step}", flush=True); input()'
command = ["{python}", "{sample}"]

[versions]
sdk = ["{python}", "-c", "print('1.0')"]
language = ["{python}", "--version"]
"""


@dataclass(frozen=True)
class SmallGuide:
    """A guide in a folder of its own, with one SDK, whose steps ask for nothing."""

    folder: Path

    @property
    def samples(self) -> Path:
        """The folder of steps and SDKs."""
        return self.folder / "samples"

    @property
    def sdk_folder(self) -> Path:
        """The SDK's folder."""
        return self.samples / "tiny"

    @property
    def program(self) -> Path:
        """The program."""
        return self.sdk_folder / "tiny.py"

    @property
    def recorded(self) -> Path:
        """The folder of its recording."""
        return self.sdk_folder / "recorded" / "tiny"

    @property
    def guide(self) -> Guide:
        """The whole, read anew."""
        return load_guide(self.samples / "guide.toml")

    @property
    def sdk(self) -> SDK:
        """The SDK, read anew."""
        return self.guide.sdks["tiny"]

    @property
    def chapter(self) -> Chapter:
        """The steps, read anew."""
        return self.guide.chapters["tiny"]


def write_guide(
    folder: Path, blocks: Sequence[str], contracts: Sequence[str] = (), after: str = ""
) -> SmallGuide:
    """Write a guide with a step for each block of Python.

    `contracts` are lines of the chapter's file, one for each step; `after` is what
    the sample holds after its closing marker.
    """
    guide = SmallGuide(folder)
    guide.sdk_folder.mkdir(parents=True)
    steps, sample = "", ""
    for number, block in enumerate(blocks, start=1):
        contract = contracts[number - 1] if contracts else "holds = {}"
        steps += f'[[step]]\nnumber = {number}\ntitle = "do {number}"\n{contract}\n'
        sample += f"# step-{number}\n{block.strip()}\n\n"
    guide.program.write_text(f"{sample}# step-{len(blocks) + 1}\n{after}")
    (guide.samples / "guide.toml").write_text(GUIDE_TOML)
    (guide.samples / "tiny.toml").write_text(steps)
    (guide.sdk_folder / "sdk.toml").write_text(SDK_TOML)
    return guide
