"""The Fractals app as it is deployed: its own processes, a real Swift behind."""

from __future__ import annotations

import getpass
import hashlib
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import requests
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from fractals.create import by_chance
from fractals.database import Database
from fractals.draw import Parameters, draw
from fractals.model import Base, Fractal, Picture
from small import ROOT

from livesteps.read.guide import Guide
from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.contents import Contents

APP = ROOT / "samples" / "fractals"
WaitFor = Callable[..., None]
AGAIN_AND_AGAIN = """\
import os, sys
from fractals import swift
from fractals.cli import main
for _ in sys.stdin:
    pid = os.fork()
    if not pid:
        os.dup2(2, 1)
        main()
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
"""Runs `fractals` for each line that it reads, in a process that need not import it
first; prints its pid, and how it ended."""
CLAIMED = Fractal.claim.is_not(None)


class Deployed:
    """The app's database and its processes, in a folder."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._processes: list[subprocess.Popen[str]] = []
        self.database = Database(environment["FRACTALS_DATABASE_URL"])
        self.run("upgrade")

    def start(
        self, *arguments: str, program: Sequence[str] = ("-m", "fractals")
    ) -> subprocess.Popen[str]:
        """Start `fractals`, or another program of Python."""
        with (self._folder / "fractals.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._processes.append(process)
        return process

    def run(self, *arguments: str) -> str:
        """Run `fractals` to its end, which is a good one."""
        printed, _ = self.start(*arguments).communicate(timeout=120)
        assert self._processes.pop().returncode == 0, self.log()
        return printed

    def serve(self) -> str:
        """Serve, and tell the address."""
        stdout = self.start("serve", "--port", "0").stdout
        assert stdout
        line = stdout.readline()
        assert line.startswith("http://127.0.0.1:"), self.log()
        return line.strip().rstrip("/")

    def count(self, *where: sa.ColumnElement[bool]) -> int:
        """How many fractals there are of which this is true."""
        with self.database.session() as session:
            counting = sa.select(sa.func.count(Fractal.uuid)).where(*where)
            return session.scalar(counting) or 0

    def log(self) -> str:
        """What the processes wrote to standard error."""
        return (self._folder / "fractals.log").read_text()

    def stop(self) -> None:
        """End all."""
        self.database.engine.dispose()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.communicate()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server that listens on a socket in a file."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("no PostgreSQL here (Debian: apt install postgresql)")
    binaries = found[-1].parent
    # It refuses to run as root.
    user = "postgres" if os.getuid() == 0 else getpass.getuser()
    identity: dict[str, Any] = {"user": user, "extra_groups": []}
    if os.getuid() != 0:
        identity = {}
    # A socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="fractals-pg-", dir="/tmp"))
    try:
        shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [
                *(binaries / "initdb", "--no-sync", "--auth=trust", "-U", "fractals"),
                *("--encoding=UTF8", "--locale=C", data),
            ],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
            **identity,
        )
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(binaries / "postgres", "-D", data, "-k", folder),
                    *("-c", "listen_addresses=", "-c", "fsync=off"),
                ],
                cwd=folder,
                stdout=log,
                stderr=log,
                **identity,
            )
        try:
            url = f"postgresql://fractals@/postgres?host={folder}"
            _until_it_answers(url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
    finally:
        shutil.rmtree(folder)


def _until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    engine = sa.create_engine(url)
    try:
        end = time.monotonic() + 60
        while server.poll() is None and time.monotonic() < end:
            with suppress(sa.exc.OperationalError), engine.connect():
                return
            with suppress(subprocess.TimeoutExpired):
                server.wait(0.05)
        pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
    finally:
        engine.dispose()


@pytest.fixture
def project(cloud: Cloud) -> Project:
    return cloud.project(f"deployed-{uuid4()}")


@pytest.fixture
def deploy(
    tmp_path: Path, environment: dict[str, str], project: Project
) -> Iterator[Callable[..., Deployed]]:
    """Deploy the app with some settings; by default, on SQLite and Swift."""
    made = []

    def make(**settings: str) -> Deployed:
        deployed = Deployed(
            tmp_path,
            {
                **environment,
                **project.environment(),
                "PYTHONPATH": f"{APP}{os.pathsep}{environment['PYTHONPATH']}",
                "FRACTALS_DATABASE_URL": f"sqlite:///{tmp_path}/fractals.db",
                "FRACTALS_STORAGE": "swift",
                **settings,
            },
        )
        made.append(deployed)
        return deployed

    yield make
    for each in made:
        each.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each_database(
    request: pytest.FixtureRequest, deploy: Callable[..., Deployed]
) -> Deployed:
    """The app on each of its databases; it has nothing in it."""
    settings = {"FRACTALS_CLAIM_SECONDS": "5"}
    if request.param == "postgresql":
        settings["FRACTALS_DATABASE_URL"] = request.getfixturevalue("postgresql")
    return deploy(**settings)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def kill_one_at_work(
    deployed: Deployed, worker: subprocess.Popen[str], wait_for: WaitFor
) -> None:
    """Kill a worker that has claimed a fractal; another one goes on."""
    while True:
        wait_for(lambda: deployed.count(CLAIMED) == 2, "two are at work", within=60)
        worker.kill()
        worker.wait()
        # The other one has claimed no more than one.
        if deployed.count(CLAIMED) == 2:
            return
        worker = deployed.start("worker")


def test_fifty_fractals_by_two_workers_of_which_one_is_killed(
    on_each_database: Deployed, contents: Contents, project: Project, wait_for: WaitFor
) -> None:
    deployed = on_each_database
    url = deployed.serve()
    doomed, _ = (deployed.start("worker") for _ in range(2))
    with requests.Session() as client:
        client.trust_env = False
        asked = [
            client.post(
                f"{url}/v1/fractal",
                json={"x": -0.7, "span": 3 / number, "width": 160, "height": 120},
            ).json()["uuid"]
            for number in range(1, 51)
        ]
        kill_one_at_work(deployed, doomed, wait_for)
        wait_for(
            lambda: deployed.count(Fractal.storage == "swift") == 50,
            "all 50 are stored",
            within=120,
        )
        answer = client.get(f"{url}/v1/fractal?results_per_page=-1").json()
        pictures = {uuid: client.get(f"{url}/fractal/{uuid}") for uuid in asked}
    assert answer["num_results"] == 50
    told = {each["uuid"]: each for each in answer["objects"]}
    assert sorted(told) == sorted(asked)

    objects = contents.snapshot()["fractals-pictures"]
    assert {name: each.md5 for name, each in objects.items()} == {
        uuid: each["checksum"] for uuid, each in told.items()
    }
    assert {each.content_type for each in objects.values()} == {"image/png"}
    assert contents.metadata("fractals-pictures", asked[0])["uuid"] == asked[0]
    for number, uuid in enumerate(asked, start=1):
        parameters = Parameters(x=-0.7, span=3 / number, width=160, height=120)
        assert pictures[uuid].content == draw(parameters)
        assert pictures[uuid].headers["Content-Type"] == "image/png"
        assert pictures[uuid].headers["Content-Length"] == str(told[uuid]["size"])
    assert deployed.run("verify") == "50 pictures verified\n"
    log = deployed.log()
    assert project.password not in log
    assert "Traceback" not in log


def test_the_migrations_make_the_tables_of_the_model(postgresql: str) -> None:
    database = Database(postgresql)
    database.upgrade()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
    database.engine.dispose()


def test_a_migration_that_is_killed_twenty_times_moves_all(
    deploy: Callable[..., Deployed], contents: Contents, wait_for: WaitFor
) -> None:
    deployed = deploy(FRACTALS_STORAGE="database")
    chance = random.Random(20)
    checksums = {}
    with deployed.database.session() as session, session.begin():
        for _ in range(500):
            fractal = by_chance(chance, 16, 12)
            drawn = draw(Parameters.model_validate_json(fractal.parameters))
            fractal.storage, fractal.size = "database", len(drawn)
            fractal.checksum = checksums[str(fractal.uuid)] = md5(drawn)
            session.add(fractal)
            session.add(Picture(uuid=fractal.uuid, content=drawn))

    def moved() -> int:
        return deployed.count(Fractal.storage == "swift")

    migrations = deployed.start(
        "migrate", "--to", "swift", program=("-c", AGAIN_AND_AGAIN)
    )
    assert migrations.stdin
    assert migrations.stdout
    for _ in range(20):
        before = moved()
        print(file=migrations.stdin, flush=True)
        pid = int(migrations.stdout.readline())
        wait_for(lambda before=before: moved() > before, "it goes on")
        select.select([migrations.stdout], [], [], chance.uniform(0, 0.3))
        os.kill(pid, signal.SIGKILL)
        assert int(migrations.stdout.readline()) == -signal.SIGKILL
    assert moved() < 500
    deployed.run("migrate", "--to", "swift")

    assert moved() == 500
    assert deployed.run("verify") == "500 pictures verified\n"
    objects = contents.snapshot()["fractals-pictures"]
    assert {name: each.md5 for name, each in objects.items()} == checksums
    with deployed.database.session() as session:
        assert session.scalar(sa.select(sa.func.count(Picture.uuid))) == 0


def test_the_gallery_shows_pictures_out_of_swift(
    deploy: Callable[..., Deployed],
    contents: Contents,
    cloud: Cloud,
    project: Project,
    browser: Any,
) -> None:
    deployed = deploy()
    deployed.run("create", "--tasks", "3", "--width", "64", "--height", "48")
    url = deployed.serve()
    cloud.exchanges(project)
    page = browser.new_page()
    page.set_default_timeout(30_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_function(
        "[...document.images].every(image => image.complete && image.naturalWidth)"
    )
    shown = page.evaluate(
        """() => [...document.images].map(image => [
            image.src, image.naturalWidth, image.naturalHeight, image.alt])"""
    )
    captions = page.locator("figcaption").all_inner_texts()
    page.close()
    assert errors == []

    objects = contents.snapshot()["fractals-pictures"]
    assert sorted(src for src, *_ in shown) == sorted(
        f"{url}/fractal/{name}" for name in objects
    )
    for _, width, height, alt in shown:
        assert (width, height) == (64, 48)
        assert " set at " in alt
    got = {
        each.resource.rpartition("/")[2]
        for each in cloud.exchanges(project)
        if each.method == "GET" and each.status == 200
    }
    assert got >= objects.keys()
    for name, stored in objects.items():
        [caption] = [text for text in captions if name in text]
        for said in ("swift", f"{stored.size:,} bytes", stored.md5):
            assert said in caption


def test_the_samples_app_ends_with_its_parent(
    environment: dict[str, str], guide: Guide, wait_for: WaitFor
) -> None:
    parent = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys\n"
            "from pathlib import Path\n"
            "from livesteps.read.guide import load_guide\n"
            "from livesteps.run.service import serving\n"
            "with serving(load_guide(Path(sys.argv[1]))) as services:\n"
            "    app = services['fractals']\n"
            "    print(app.url, app.folder, flush=True); input()",
            guide.path,
        ],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    url, folder = parent.stdout.readline().split()
    [app] = psutil.Process(parent.pid).children()
    with requests.Session() as client:
        client.trust_env = False
        listed = client.get(f"{url}/v1/fractal?results_per_page=-1").json()
    assert listed["num_results"] == 3
    parent.kill()
    parent.communicate()
    wait_for(lambda: not app.is_running(), "it has ended")
    assert not Path(folder).exists()
