"""Small guides that tests make and spoil, and the command that runs on them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livesteps.read.chapter import Chapter
from livesteps.read.guide import Guide, load_guide
from livesteps.read.sdk import SDK

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from livesteps.cli import main; main()"]

JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss2m"]
"""Java for a checker that ends within seconds: what it would do to be fast later
takes longer than all that it checks."""

GUIDE_TOML = """\
title = "Tiny"
chapters = ["tiny"]
plugins = ["openstack"]
server = "swift"
always = ["holds"]
"""

NOTHING = '''\
"""A server that is none: nothing is started, and its accounts hold nothing."""

from livesteps.plugin import Account, Server


class Nothing(Server):
    name = "nothing"
    title = "nothing at all"

    def account(self, purpose):
        return Account()
'''

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

    def add_chapter(
        self,
        name: str,
        blocks: Sequence[str],
        contracts: Sequence[str] = (),
        after: str = "",
    ) -> None:
        """Add a chapter with a step for each block of Python, as `write_guide`."""
        steps, sample = "", ""
        for number, block in enumerate(blocks, start=1):
            contract = contracts[number - 1] if contracts else "holds = {}"
            steps += f'[[step]]\nnumber = {number}\ntitle = "do {number}"\n{contract}\n'
            sample += f"# step-{number}\n{block.strip()}\n\n"
        program = self.sdk_folder / f"{name}.py"
        program.write_text(f"{sample}# step-{len(blocks) + 1}\n{after}")
        (self.samples / f"{name}.toml").write_text(steps)
        toml = self.samples / "guide.toml"
        if toml.exists():
            more = toml.read_text().replace('"]\nplugins', f'", "{name}"]\nplugins')
            toml.write_text(more)

    def without_server(self) -> SmallGuide:
        """Let its programs run against nothing, which starts at once."""
        (self.samples / "nothing.py").write_text(NOTHING)
        toml = self.samples / "guide.toml"
        text = toml.read_text().replace("openstack", "nothing.py")
        toml.write_text(text.replace("swift", "nothing").replace('"holds"', ""))
        steps = self.samples / "tiny.toml"
        steps.write_text(steps.read_text().replace("holds = {}", ""))
        return self

    def add_service(self, name: str, variable: str, *command: str) -> None:
        """Add a service; it starts nothing where that of another guide is lent."""
        with (self.samples / "guide.toml").open("a") as file:
            file.write(
                f'[service.{name}]\ntitle = "the {name} service"\n'
                f"command = {json.dumps(command or ['false'])}\n"
                f'ready = "http://"\nvariable = "{variable}"\n'
            )


def write_guide(
    folder: Path, blocks: Sequence[str], contracts: Sequence[str] = (), after: str = ""
) -> SmallGuide:
    """Write a guide with a step for each block of Python.

    `contracts` are lines of the chapter's file, one for each step; `after` is what
    the sample holds after its closing marker.
    """
    guide = SmallGuide(folder)
    guide.sdk_folder.mkdir(parents=True)
    guide.add_chapter("tiny", blocks, contracts, after)
    (guide.samples / "guide.toml").write_text(GUIDE_TOML)
    (guide.sdk_folder / "sdk.toml").write_text(SDK_TOML)
    return guide
