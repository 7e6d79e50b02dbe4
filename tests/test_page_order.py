"""The page on durability followed in its own order, the Fractals app included."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from small import ROOT

from livesteps.errors import Problem
from livesteps.read.guide import Guide
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps.run.service import Service
from livesteps_openstack.accounts import Embedded

# Of webob, which the cloud uses.
pytestmark = pytest.mark.filterwarnings("ignore:'cgi' is deprecated")

PAGE = ROOT / "doc" / "durability.rst"
APP = ROOT / "samples" / "fractals"
README = APP / "README.rst"
OWN = "fractals-pictures"
"""The container that the app has to itself."""


class ReadersApp(Service):
    """The reader's own app, in the place of the guide's."""

    def __init__(self, guide: Guide, url: str) -> None:
        super().__init__(guide.file.service["fractals"], guide.samples)
        self._at = url

    @property
    def url(self) -> str:
        """Where it was when the steps began."""
        return self._at


@dataclass(frozen=True)
class Doing:
    """What the page tells a reader to do: a step, a setting, or a command."""

    step: int = 0
    setting: str = ""
    command: str = ""


def page() -> list[Doing]:
    """What the page tells, in its order; but not what only some readers need."""
    told = []
    language = ""
    for line in PAGE.read_text().splitlines():
        if found := re.fullmatch(r"\.\. step:: (\d+)", line):
            told.append(Doing(step=int(found[1])))
        elif found := re.fullmatch(r"\.\. code-block:: (\w+)", line):
            language = found[1]
        elif found := re.fullmatch(r"   export (\w+=\w+)", line):
            assert language == "shell"
            told.append(Doing(setting=found[1]))
        elif found := re.fullmatch(r"   \$ fractals (.+)", line):
            assert language == "console"
            told.append(Doing(command=found[1]))
    return told


class Reader:
    """Somebody who runs the app, with its settings, beside the steps."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self.environment = environment
        self._server: subprocess.Popen[str] | None = None

    def fractals(self, line: str) -> str:
        """Run the app's command, as the shell does, variables before it included."""
        words = shlex.split(line)
        more = [word for word in words if word.startswith("FRACTALS_")]
        ran = subprocess.run(
            [sys.executable, "-m", "fractals", *words[len(more) :]],
            cwd=self._folder,
            env={**self.environment, **dict(word.split("=") for word in more)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ran.stdout if ran.returncode == 0 else f"{ran.stdout}{ran.stderr}"

    def serve(self, first: str = "") -> str:
        """Start the app, or start it again, after other commands in the same line;
        gives its address."""
        self.stop()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "fractals", *first.split(), "serve", "--port", "0"],
            cwd=self._folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._server.stdout
        return self._server.stdout.readline().strip().rstrip("/")

    def stop(self) -> None:
        """End the app."""
        if self._server:
            self._server.kill()
            self._server.communicate()

    def pictures(self, url: str) -> dict[str, str]:
        """The checksums of what the app gives, by uuid."""
        with requests.Session() as client:
            client.trust_env = False
            listed = client.get(f"{url}/v1/fractal?results_per_page=-1", timeout=60)
            found = {}
            for each in listed.json()["objects"]:
                got = client.get(f"{url}/fractal/{each['uuid']}", timeout=60)
                found[each["uuid"]] = hashlib.md5(got.content).hexdigest()
                assert got.status_code == 200, got.text
        return found


@pytest.fixture
def account(backend: Backend) -> Embedded:
    """A project for the steps and the app alike."""
    made = backend.account(None, backend.guide.chapters["durability"])
    assert isinstance(made, Embedded)
    return made


@pytest.fixture
def reader(
    tmp_path: Path, environment: dict[str, str], account: Embedded
) -> Iterator[Reader]:
    made = Reader(
        tmp_path,
        {
            **environment,
            **account.environment,
            "PYTHONPATH": f"{APP}{os.pathsep}{environment['PYTHONPATH']}",
        },
    )
    yield made
    made.stop()


def names(account: Embedded, container: str) -> set[str]:
    """What is in a container."""
    return set(account.contents.snapshot()[container])


@pytest.mark.parametrize("name", ["curl", "libcloud"])
def test_the_page_in_its_order_loses_no_picture(
    guide: Guide, account: Embedded, reader: Reader, name: str
) -> None:
    sdk = guide.sdks[name]
    try:
        toolchain.check_machine(sdk)
    except Problem as problem:
        pytest.skip(problem.what)
    told = page()
    assert [each.step for each in told if each.step] == list(range(1, 18))
    assert Doing(command="migrate --to swift") in told

    reader.environment["FRACTALS_STORAGE"] = "file"
    url = reader.serve("upgrade create --tasks 3 --width 64 --height 48")
    pictures = reader.pictures(url)
    assert len(pictures) == 3

    with Program(sdk, guide.chapters["durability"]) as program:
        run = Run(
            program,
            account,
            services={"fractals": ReadersApp(guide, url)},
            words=guide.plugins.vocabulary,
        )
        for each in told:
            if each.step:
                # The contracts know of no app beside the steps.
                result = run.advance(check=False)
                assert result
                assert result.failure is None, str(result.failure)
                assert result.step.number == each.step
            elif each.setting:
                name, _, value = each.setting.partition("=")
                reader.environment[name] = value
                url = reader.serve()
            else:
                assert reader.fractals(each.command) == "3 pictures moved to swift\n"
            assert reader.pictures(url) == pictures
    assert reader.environment["FRACTALS_STORAGE"] == "swift"
    assert reader.fractals("verify") == "3 pictures verified\n"
    assert account.contents.snapshot().keys() == {OWN}
    assert names(account, OWN) == pictures.keys()


def test_no_program_of_the_guide_uses_the_apps_container(guide: Guide) -> None:
    steps = (ROOT / "samples" / "durability.toml").read_text()
    programs = {
        path: path.read_text()
        for sdk in guide.sdks.values()
        for path in [sdk.toml, sdk.path("durability")]
    }
    assert len(programs) > 20
    assert OWN not in steps
    assert [path for path, text in programs.items() if OWN in text] == []
    assert f"name: {OWN}\n" in (ROOT / "doc" / "fractals.yaml").read_text()


def moving(path: Path, prompt: str) -> list[tuple[str, str]]:
    """What somebody is told to do about pictures in the old container."""
    return re.findall(
        rf"^{re.escape(prompt)}(FRACTALS_\w+=\w+ )?fractals (migrate .+)",
        path.read_text().partition("Earlier versions")[2],
        re.MULTILINE,
    )


def test_who_has_pictures_in_the_old_container_moves_them(
    reader: Reader, account: Embedded
) -> None:
    told = moving(PAGE, "      $ ")
    assert len(told) == 2
    assert told == moving(README, "    ")
    reader.environment["FRACTALS_STORAGE"] = "swift"
    reader.environment["FRACTALS_CONTAINER"] = "fractals"
    url = reader.serve("upgrade create --tasks 3 --width 64 --height 48")
    pictures = reader.pictures(url)
    # What an environment says goes on.
    assert names(account, "fractals") == pictures.keys()

    del reader.environment["FRACTALS_CONTAINER"]
    found = reader.fractals("create --tasks 1 --width 64 --height 48 verify")
    assert found.count("missing in swift: ") == 3
    for variable, command in told:
        reader.fractals(variable + command)
    assert reader.fractals("verify") == "4 pictures verified\n"
    assert reader.pictures(reader.serve()).items() > pictures.items()
    assert names(account, "fractals") == set()
