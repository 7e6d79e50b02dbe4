"""The Fractals app by itself: what it draws, answers, refuses and moves."""

from __future__ import annotations

import hashlib
import io
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from fractals import move, settings, worker
from fractals.api import make_web
from fractals.app import App
from fractals.cli import main
from fractals.create import by_chance, waiting
from fractals.database import REVISION
from fractals.draw import Parameters, draw, escape_times
from fractals.errors import Changed
from fractals.model import Base, Fractal, Picture
from fractals.storage import FileStorage, Storage
from fractals.worker import Worker
from PIL import Image

# Of webob, which keystoneauth1 imports.
pytestmark = pytest.mark.filterwarnings("ignore:'cgi' is deprecated")

SMALL = {"width": 32, "height": 24}


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Make an app with a database of its own, which is up to date."""
    made = []

    def make(**environment: str) -> App:
        app = App(
            settings.load(
                {
                    "FRACTALS_DATABASE_URL": f"sqlite:///{tmp_path}/fractals.db",
                    "FRACTALS_FOLDER": str(tmp_path / "pictures"),
                    **environment,
                }
            )
        )
        app.database.upgrade()
        made.append(app)
        return app

    yield make
    for app in made:
        app.database.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(FRACTALS_STORAGE="file")


@pytest.fixture
def web(app: App) -> FlaskClient:
    return make_web(app).test_client()


@pytest.fixture
def fractals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(line: str, **environment: str) -> Result:
        return CliRunner().invoke(main, line.split(), env=environment)

    return run


def add(app: App, *parameters: Parameters) -> list[Fractal]:
    """Ask for fractals."""
    made = [waiting(each) for each in parameters]
    with app.database.session() as session, session.begin():
        session.add_all(made)
    return made


def draw_all(app: App) -> None:
    """Let a worker draw all that can be drawn now."""
    drawing = Worker(app)
    while drawing.step():
        pass


def row(app: App, uuid: UUID) -> Fractal:
    """A fractal as the database has it."""
    with app.database.session() as session:
        return session.get_one(Fractal, uuid)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


# What it draws


def escape_time(c: complex, z: complex, iterations: int) -> int:
    """The definition, point by point."""
    for time in range(1, iterations + 1):
        z = z * z + c
        if abs(z) > 2:
            return time
    return 0


@pytest.mark.parametrize("kind", ["mandelbrot", "julia"])
def test_each_pixel_escapes_when_the_definition_says(kind: str) -> None:
    parameters = Parameters(
        kind=kind, x=-0.5, y=0.25, span=3, cx=-0.8, cy=0.15, iterations=50, **SMALL
    )
    times = escape_times(parameters)
    pixel = 3 / 32
    for (line, column), found in np.ndenumerate(times):
        point = complex(-0.5 + (column - 15.5) * pixel, 0.25 - (line - 11.5) * pixel)
        if kind == "julia":
            assert found == escape_time(complex(-0.8, 0.15), point, 50)
        else:
            assert found == escape_time(point, point, 50)
    assert 0 in times
    assert len(np.unique(times)) > 10


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = Parameters(span=3, **SMALL)
    whole = draw(parameters)
    monkeypatch.setattr("fractals.draw.BAND", 7 * 32)
    assert draw(parameters) == whole


def test_a_picture_is_a_png_and_the_same_on_every_machine() -> None:
    drawn = draw(Parameters(kind="julia", cx=-0.8, cy=0.156, span=3.6, **SMALL))
    picture = Image.open(io.BytesIO(drawn))
    assert (picture.format, picture.size) == ("PNG", (32, 24))
    assert md5(drawn) == "8c78c576544c35d2b6b46f44ac0a95af"


def test_a_seed_gives_the_same_fractals(app: App) -> None:
    from random import Random

    one, again, other = (by_chance(Random(seed), 32, 24) for seed in (3, 3, 4))
    assert (one.uuid, one.parameters) == (again.uuid, again.parameters)
    assert one.uuid != other.uuid


# The API


def test_a_fractal_is_asked_for_drawn_and_given(app: App, web: FlaskClient) -> None:
    asked = web.post("/v1/fractal", json={"kind": "julia", "cx": -0.8, **SMALL})
    assert asked.status_code == 201
    uuid = asked.json["uuid"]
    assert asked.json["storage"] is None
    not_yet = web.get(f"/fractal/{uuid}")
    assert not_yet.status_code == 404
    assert "not drawn yet" in not_yet.json["error"]

    draw_all(app)
    told = web.get(f"/v1/fractal/{uuid}").json
    picture = web.get(f"/fractal/{uuid}")
    assert picture.data == draw(Parameters(kind="julia", cx=-0.8, **SMALL))
    assert picture.content_type == "image/png"
    assert picture.content_length == len(picture.data) == told["size"]
    assert told["checksum"] == md5(picture.data)
    assert told["storage"] == "file"
    assert told["parameters"]["cx"] == -0.8

    assert web.delete(f"/v1/fractal/{uuid}").status_code == 204
    assert web.get(f"/fractal/{uuid}").status_code == 404
    assert list(app.storage.names()) == []


def test_the_list_has_pages(app: App, web: FlaskClient) -> None:
    made = [str(each.uuid) for each in add(app, *[Parameters(**SMALL)] * 5)]

    def listed(query: str) -> dict[str, Any]:
        answer = web.get(f"/v1/fractal{query}").json
        answer["objects"] = [each["uuid"] for each in answer["objects"]]
        return answer

    whole = {"num_results": 5, "objects": made, "page": 1, "total_pages": 1}
    assert listed("?results_per_page=-1") == whole
    assert listed("") == whole
    second = {"num_results": 5, "objects": made[2:4], "page": 2, "total_pages": 3}
    assert listed("?results_per_page=2&page=2") == second
    assert listed("?results_per_page=2&page=4")["objects"] == []


def test_an_empty_list_has_no_pages(web: FlaskClient) -> None:
    nothing = {"num_results": 0, "objects": [], "page": 1, "total_pages": 0}
    assert web.get("/v1/fractal?results_per_page=-1").json == nothing


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ('{"width": 1000000}', "width", "less than or equal to 4096"),
        ('{"height": 0}', "height", "greater than or equal to 1"),
        ('{"width": "wide"}', "width", "valid integer"),
        ('{"width": true}', "width", "valid integer"),
        ('{"iterations": 1e99}', "iterations", "valid integer"),
        (f'{{"iterations": {"9" * 400}}}', "iterations", "less than or equal to 1000"),
        ('{"span": 0}', "span", "greater than or equal to"),
        ('{"x": NaN}', "x", "finite number"),
        ('{"cy": 1e400}', "cy", "finite number"),
        ('{"kind": "dragon"}', "kind", "'mandelbrot' or 'julia'"),
        ('{"widht": 32}', "widht", "not permitted"),
        ("[]", "body", "valid dictionary"),
        ("{", "body", "no JSON"),
    ],
)
def test_bad_parameters_name_the_field(
    web: FlaskClient, body: str, field: str, said: str
) -> None:
    answer = web.post("/v1/fractal", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"].startswith(f"{field}: ")
    assert said in answer.json["error"]
    assert web.get("/v1/fractal").json["num_results"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=two", "page"),
        ("page=1000000000000000000000", "page"),
        ("results_per_page=0", "results_per_page"),
        ("results_per_page=-2", "results_per_page"),
        ("result_per_page=5", "result_per_page"),
    ],
)
def test_a_bad_query_names_the_field(web: FlaskClient, query: str, field: str) -> None:
    answer = web.get(f"/v1/fractal?{query}")
    assert answer.status_code == 400
    assert answer.json["error"].startswith(f"{field}: ")


def test_a_huge_body_is_refused(web: FlaskClient) -> None:
    huge = b'{"x": ' + b"1" * 100_000 + b"}"
    answer = web.post("/v1/fractal", data=huge, content_type="application/json")
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "uuid", ["7d444840-9dc0-41d1-b245-5ffdce74fad2", "goat", "../pictures"]
)
def test_an_unknown_uuid_is_not_found(web: FlaskClient, uuid: str) -> None:
    for ask, path in [
        (web.get, f"/fractal/{uuid}"),
        (web.get, f"/v1/fractal/{uuid}"),
        (web.delete, f"/v1/fractal/{uuid}"),
    ]:
        answer = ask(path)
        assert answer.status_code == 404
        assert answer.json["error"]


def test_a_picture_that_was_changed_or_lost_is_not_given(
    app: App, web: FlaskClient, tmp_path: Path
) -> None:
    [fractal] = add(app, Parameters(**SMALL))
    draw_all(app)
    path = tmp_path / "pictures" / f"{fractal.uuid}.png"
    path.write_bytes(path.read_bytes()[::-1])
    changed = web.get(f"/fractal/{fractal.uuid}")
    assert changed.status_code == 502
    assert "was stored with checksum" in changed.json["error"]
    path.unlink()
    lost = web.get(f"/fractal/{fractal.uuid}")
    assert lost.status_code == 502
    assert "has no picture" in lost.json["error"]


def test_a_large_picture_that_was_changed_breaks_off(
    app: App, web: FlaskClient, tmp_path: Path
) -> None:
    [fractal] = add(app, Parameters(**SMALL))
    draw_all(app)
    large = bytes(200_000)
    (tmp_path / "pictures" / f"{fractal.uuid}.png").write_bytes(large)
    with app.database.session() as session, session.begin():
        session.execute(sa.update(Fractal).values(size=len(large)))
    answer = web.get(f"/fractal/{fractal.uuid}", buffered=False)
    assert answer.status_code == 200
    received = iter(answer.response)
    assert len(next(received)) + len(next(received)) < len(large)
    with pytest.raises(Changed):
        b"".join(received)


def test_the_gallery_escapes_what_it_shows(app: App, web: FlaskClient) -> None:
    add(app, Parameters(**SMALL))
    with app.database.session() as session, session.begin():
        session.execute(sa.update(Fractal).values(error="<script>"))
    page = web.get("/").text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "waiting to be drawn" in page


# Workers


def test_a_claim_holds_until_it_expires(
    make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(FRACTALS_CLAIM_SECONDS="60")
    first, second = Worker(app), Worker(app)
    [fractal] = add(app, Parameters(**SMALL))
    claimed = first._claim()
    assert claimed
    assert claimed.uuid == fractal.uuid
    assert not second.step()

    later = worker.now() + second._claim_lasts
    monkeypatch.setattr(worker, "now", lambda: later)
    assert second.step()
    stored = row(app, fractal.uuid)
    assert stored.storage == "database"
    # The first one wakes up, and has lost it.
    first._record(claimed, b"late")
    assert row(app, fractal.uuid).checksum == stored.checksum


def test_a_worker_that_is_told_to_end_gives_its_fractal_back(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    [fractal] = add(app, Parameters(**SMALL))

    def end(*_: object) -> bytes:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(worker, "draw", end)
        with pytest.raises(SystemExit):
            Worker(app).step()
    assert Worker(app).step()
    assert row(app, fractal.uuid).storage == "file"


def test_a_fractal_deleted_while_it_is_drawn_leaves_nothing(
    app: App, web: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    [fractal] = add(app, Parameters(**SMALL))

    def delete_and_draw(parameters: Parameters) -> bytes:
        assert web.delete(f"/v1/fractal/{fractal.uuid}").status_code == 204
        return draw(parameters)

    monkeypatch.setattr(worker, "draw", delete_and_draw)
    draw_all(app)
    assert list(app.storage.names()) == []


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow over 100 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_a_picture_stays_waiting_and_is_stored_later(
    app: App, web: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AGAIN", worker.AGAIN * 0)
    [fractal] = add(app, Parameters(**SMALL))
    put = FileStorage.put

    def put_on_full_disk(
        self: FileStorage, fractal: Fractal, picture: IO[bytes]
    ) -> None:
        with full_disk():
            put(self, fractal, picture)

    with monkeypatch.context() as patch:
        patch.setattr(FileStorage, "put", put_on_full_disk)
        Worker(app).step()
    told = web.get(f"/v1/fractal/{fractal.uuid}").json
    assert told["storage"] is None
    assert told["error"].endswith("/pictures: File too large")
    assert "File too large" in web.get("/").text
    assert list((tmp_path / "pictures").iterdir()) == []

    draw_all(app)
    told = web.get(f"/v1/fractal/{fractal.uuid}").json
    assert (told["storage"], told["error"]) == ("file", None)


def test_a_full_database_is_told(app: App, web: FlaskClient) -> None:
    @sa.event.listens_for(app.database.engine, "checkout")
    def limit(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    answers = [web.post("/v1/fractal", json={}) for _ in range(100)]
    assert answers[-1].status_code == 503
    assert "full" in answers[-1].json["error"]
    created = [each for each in answers if each.status_code == 201]
    assert web.get("/v1/fractal").json["num_results"] == len(created)


# Settings, at the start


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            *("FRACTALS_STORAGE", "swfit"),
            "unknown storage 'swfit'; choose database, file or swift",
        ),
        ("FRACTALS_STORE", "file", "did you mean FRACTALS_STORAGE?"),
        ("FRACTALS_CONTAINER", "a/b", "'a/b' is no container's name"),
        ("FRACTALS_CLAIM_SECONDS", "soon", "'soon' is no number of seconds"),
        ("FRACTALS_DATABASE_URL", "mysql://u:secret@h/n", "SQLite or PostgreSQL"),
        ("FRACTALS_DATABASE_URL", "fractals.db", "SQLite or PostgreSQL"),
    ],
)
def test_a_wrong_setting_is_told_at_the_start(
    fractals: Callable[..., Result], name: str, value: str, said: str
) -> None:
    for command in ("serve", "worker", "create", "migrate --to file", "verify"):
        ran = fractals(command, **{name: value})
        assert ran.exit_code == 1
        assert ran.output.startswith("Error: ")
        assert said in ran.output
        assert "secret" not in ran.output


@pytest.mark.parametrize("command", ["serve", "worker", "create"])
def test_swift_without_credentials_is_told_at_the_start(
    fractals: Callable[..., Result], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("USERNAME", "PASSWORD", "PROJECT_NAME"):
        monkeypatch.delenv(f"OS_{name}", raising=False)
    ran = fractals(
        f"upgrade {command}",
        FRACTALS_STORAGE="swift",
        OS_AUTH_URL="http://127.0.0.1:9/v3",
    )
    assert ran.exit_code == 1
    assert "needs credentials" in ran.output
    assert "OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME" in ran.output


def test_a_database_that_is_not_up_to_date_is_told(
    fractals: Callable[..., Result],
) -> None:
    ran = fractals("serve")
    assert ran.exit_code == 1
    assert "run `fractals upgrade`" in ran.output


def test_the_migrations_make_the_tables_of_the_model(app: App) -> None:
    with app.database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == REVISION


def test_a_huge_size_is_told(fractals: Callable[..., Result]) -> None:
    ran = fractals("upgrade create --width 1000000")
    assert ran.exit_code == 1
    assert ran.output.startswith("Error: width: ")
    assert "less than or equal to 4096" in ran.output


# Migrate, restore, verify


def test_pictures_are_moved_verified_and_restored(
    fractals: Callable[..., Result], tmp_path: Path
) -> None:
    assert fractals("upgrade create --tasks 5 --width 32 --height 24").exit_code == 0
    dry = fractals("migrate --to file --dry-run")
    assert dry.stdout.startswith("5 pictures (")
    assert not (tmp_path / "pictures").exists()
    ran = fractals("migrate --to file verify restore out")
    assert ran.exit_code == 0
    assert ran.stdout == (
        "5 pictures moved to file\n5 pictures verified\n5 pictures written to out\n"
    )
    assert "100%" in ran.stderr
    kept, restored = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("pictures", "out")
    )
    assert len(kept) == 5
    assert kept == restored
    again = fractals("migrate --to file")
    assert again.stdout == "0 pictures moved to file\n"


def test_verify_names_what_is_missing_changed_and_orphaned(
    fractals: Callable[..., Result], tmp_path: Path
) -> None:
    fractals("upgrade create --tasks 3 --width 32 --height 24", FRACTALS_STORAGE="file")
    folder = tmp_path / "pictures"
    lost, changed, _ = sorted(folder.iterdir())
    lost.unlink()
    changed.write_bytes(b"?" + changed.read_bytes()[1:])
    stranger = uuid4()
    (folder / f"{stranger}.png").touch()
    (folder / "holiday.png").touch()
    ran = fractals("verify", FRACTALS_STORAGE="file")
    assert ran.exit_code == 1
    assert set(ran.stdout.splitlines()) == {
        f"changed in file: {changed.stem}",
        f"missing in file: {lost.stem}",
        f"orphaned in file: {stranger}",
        "orphaned in file: holiday",
    }
    assert "3 pictures verified, 4 problems" in ran.stderr

    # Neither is what is wrong moved, nor does it hinder the others.
    ran = fractals("migrate --to database")
    assert ran.exit_code == 1
    assert "1 pictures moved to database, 2 problems" in ran.stderr
    assert changed.exists()
    ran = fractals("restore out")
    assert ran.exit_code == 1
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".png"]


def test_restore_says_that_the_disk_is_full(app: App, tmp_path: Path) -> None:
    [fractal] = add(app, Parameters(**SMALL))
    draw_all(app)
    out = tmp_path / "out"
    with full_disk(), pytest.raises(OSError, match="File too large"):
        move.restore(app, row(app, fractal.uuid), out)
    assert list(out.iterdir()) == []


class Killed(BaseException):
    """The process is no more."""


class Mortal:
    """A storage; a count of operations, over all storages, ends in a kill.

    Each operation has two points: before it begins, and when it is done.
    """

    left = 0

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def _point(self) -> None:
        Mortal.left -= 1
        if Mortal.left == 0:
            raise Killed

    def put(self, fractal: Fractal, picture: IO[bytes]) -> None:
        self._point()
        self._storage.put(fractal, picture)
        self._point()

    def get(self, uuid: UUID) -> Iterator[bytes]:
        self._point()
        yield from self._storage.get(uuid)
        self._point()

    def delete(self, uuid: UUID) -> None:
        self._point()
        self._storage.delete(uuid)
        self._point()

    def names(self) -> Iterator[str]:
        return self._storage.names()


POINTS = 8


@pytest.mark.parametrize("point", range(1, POINTS + 2))
def test_wherever_a_migration_is_killed_nothing_is_lost_and_nothing_twice(
    app: App, point: int
) -> None:
    [made] = add(app, Parameters(**SMALL))
    draw_all(app)
    storages = {name: app.storages[name] for name in ("file", "database")}
    for name, storage in storages.items():
        app.storages._opened[name] = Mortal(storage)
    fractal = row(app, made.uuid)

    Mortal.left = point
    if point <= POINTS:
        with pytest.raises(Killed):
            move.migrate(app, fractal, "database")
    else:
        move.migrate(app, fractal, "database")
    Mortal.left = 0
    # Whoever has it by the database has it whole.
    move.verify(app, row(app, made.uuid))

    for each in move.to_migrate(app, "database"):
        move.migrate(app, each, "database")
    assert row(app, made.uuid).storage == "database"
    move.verify(app, row(app, made.uuid))
    assert list(storages["file"].names()) == []
    assert list(storages["database"].names()) == [str(made.uuid)]
    assert list(move.orphans(app)) == []


def test_the_source_stays_if_the_target_gives_other_bytes_back(app: App) -> None:
    [made] = add(app, Parameters(**SMALL))
    draw_all(app)

    class Forgetful(Mortal):
        def get(self, uuid: UUID) -> Iterator[bytes]:
            yield b"other bytes"

    app.storages._opened["database"] = Forgetful(app.storages["database"])
    with pytest.raises(Changed):
        move.migrate(app, row(app, made.uuid), "database")
    assert row(app, made.uuid).storage == "file"
    move.verify(app, row(app, made.uuid))


def test_a_picture_deleted_while_it_moves_is_gone(app: App, web: FlaskClient) -> None:
    [made] = add(app, Parameters(**SMALL))
    draw_all(app)
    fractal = row(app, made.uuid)

    class Slow(Mortal):
        def put(self, fractal: Fractal, picture: IO[bytes]) -> None:
            super().put(fractal, picture)
            assert web.delete(f"/v1/fractal/{fractal.uuid}").status_code == 204

    app.storages._opened["database"] = Slow(app.storages["database"])
    move.migrate(app, fractal, "database")
    with app.database.session() as session:
        assert session.scalar(sa.select(sa.func.count(Picture.uuid))) == 0
    assert list(app.storage.names()) == []


def test_a_picture_that_moves_while_it_is_asked_for_is_given(
    app: App, web: FlaskClient
) -> None:
    [made] = add(app, Parameters(**SMALL))
    draw_all(app)
    fractal = row(app, made.uuid)

    class Moving(Mortal):
        def get(self, uuid: UUID) -> Iterator[bytes]:
            app.storages._opened["file"] = self._storage
            move.migrate(app, fractal, "database")
            yield from self._storage.get(uuid)

    app.storages._opened["file"] = Moving(app.storages["file"])
    assert web.get(f"/fractal/{made.uuid}").data == draw(Parameters(**SMALL))
