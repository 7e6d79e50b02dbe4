"""Small guides that tests make and spoil, and the command that runs on them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livesteps.read.sdk import SDK, load_sdk
from livesteps.read.chapter import Chapter, load_chapter

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from livesteps.cli import main; main()"]

SDK_TOML = """\
name = "Tiny SDK"
language = "Python"
lexer = "python"
sample = "tiny.py"
comment = "#"
boundary = 'print("\\x1e{step}", flush=True); input()'
command = ["{python}", "{sample}"]

[versions]
sdk = ["{python}", "-c", "print('1.0')"]
language = ["{python}", "--version"]
"""


@dataclass(frozen=True)
class Guide:
    """A guide in a folder of its own, with one SDK, whose steps ask for nothing."""

    folder: Path

    @property
    def samples(self) -> Path:
        """The folder of steps and SDKs."""
        return self.folder / "samples"

    @property
    def sdk(self) -> Path:
        """The SDK's folder."""
        return self.samples / "tiny"

    @property
    def sample(self) -> Path:
        """The program."""
        return self.sdk / "tiny.py"

    @property
    def sdk(self) -> SDK:
        """The SDK, read anew."""
        return load_sdk(self.sdk / "sdk.toml")

    @property
    def steps(self) -> Chapter:
        """The steps, read anew."""
        return load_chapter(self.folder / "samples" / "steps.toml")


def write_guide(
    folder: Path, blocks: Sequence[str], contracts: Sequence[str] = (), after: str = ""
) -> Guide:
    """Write a guide with a step for each block of Python.

    `contracts` are lines of steps.toml, one for each step; `after` is what the
    sample holds after its closing marker.
    """
    guide = Guide(folder)
    guide.sdk.mkdir(parents=True)
    steps, sample = "[files]\n[objects]\n", ""
    for number, block in enumerate(blocks, start=1):
        contract = contracts[number - 1] if contracts else "holds = {}"
        steps += f'[[step]]\nnumber = {number}\ntitle = "do {number}"\n{contract}\n'
        sample += f"# step-{number}\n{block.strip()}\n\n"
    guide.sample.write_text(f"{sample}# step-{len(blocks) + 1}\n{after}")
    (folder / "samples" / "steps.toml").write_text(steps)
    (guide.sdk / "sdk.toml").write_text(SDK_TOML)
    return guide
