"""The app over HTTP: a REST API, and a gallery for a browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask, Response, abort, jsonify, render_template, request
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest, HTTPException

from fractals.app import App
from fractals.create import waiting
from fractals.draw import Parameters
from fractals.errors import Changed, Missing, StorageError
from fractals.model import Fractal
from fractals.storage import checked

GALLERY = 24
"""Pictures on a page of the gallery."""


def _some_or_all(results: int) -> int:
    if results == 0:
        raise ValueError("should be a number of fractals, or -1 for all")
    return results


class Paging(BaseModel):
    """Which part of a list is asked for."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(1, ge=1, le=1_000_000)
    results_per_page: Annotated[
        int, Field(ge=-1, le=1000), AfterValidator(_some_or_all)
    ] = 20


def make_web(app: App) -> Flask:
    """The WSGI application."""
    web = Flask(__name__)
    web.config["MAX_CONTENT_LENGTH"] = 64 * 1024

    @web.get("/")
    def gallery() -> str:
        paging = Paging.model_validate(
            {**request.args, "results_per_page": GALLERY}
        )
        newest = Fractal.created.desc()
        return render_template("gallery.html", **_listed(app, paging, newest))

    @web.get("/v1/fractal")
    def list_fractals() -> Response:
        paging = Paging.model_validate(request.args.to_dict())
        # The oldest first: what is added does not move what was listed.
        answer = _listed(app, paging, Fractal.created.asc())
        answer["objects"] = [each.as_json() for each in answer["objects"]]
        return jsonify(answer)

    @web.post("/v1/fractal")
    def create() -> tuple[Response, int]:
        fractal = waiting(Parameters.model_validate(request.get_json()))
        with app.database.session() as session, session.begin():
            session.add(fractal)
        return jsonify(fractal.as_json()), 201

    @web.get("/v1/fractal/<uuid:uuid>")
    def show(uuid: UUID) -> Response:
        return jsonify(_find(app, uuid).as_json())

    @web.delete("/v1/fractal/<uuid:uuid>")
    def delete(uuid: UUID) -> tuple[str, int]:
        while True:
            fractal = _find(app, uuid)
            for storage in filter(None, (fractal.storage, fractal.moved_from)):
                app.storages[storage].delete(uuid)
            # Unless it was stored or moved meanwhile.
            deleting = sa.delete(Fractal).where(
                Fractal.uuid == uuid,
                Fractal.storage.is_not_distinct_from(fractal.storage),
                Fractal.moved_from.is_not_distinct_from(fractal.moved_from),
            )
            with app.database.session() as session, session.begin():
                if session.scalar(deleting.returning(Fractal.uuid)):
                    return "", 204

    @web.get("/fractal/<uuid:uuid>")
    def picture(uuid: UUID) -> Response:
        fractal = _find(app, uuid)
        while True:
            if fractal.storage is None:
                abort(404, f"the fractal {uuid} is not drawn yet")
            stored = app.storages[fractal.storage].get(uuid)
            chunks = checked(stored, fractal, fractal.storage)
            try:
                # What is wrong from the start is told by the status.
                first = next(chunks)
                break
            except Missing:
                before, fractal = fractal, _find(app, uuid)
                if fractal.storage == before.storage:
                    raise

        def body() -> Iterator[bytes]:
            yield first
            yield from chunks

        return Response(
            body(),
            mimetype="image/png",
            headers={"Content-Length": str(fractal.size)},
        )

    @web.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> tuple[Response, int]:
        fields = {
            ".".join(map(str, each["loc"])) or "body": each["msg"]
            for each in error.errors()
        }
        said = "; ".join(f"{field}: {why}" for field, why in fields.items())
        return jsonify(error=said, fields=fields), 400

    @web.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        said = error.description
        if isinstance(error, BadRequest):
            said = "body: this is no JSON"
        return jsonify(error=said), error.code or 500

    @web.errorhandler(StorageError)
    def not_stored(error: StorageError) -> tuple[Response, int]:
        wrong = isinstance(error, (Missing, Changed))
        return jsonify(error=str(error)), 502 if wrong else 503

    @web.errorhandler(OperationalError)
    def no_database(error: OperationalError) -> tuple[Response, int]:
        return jsonify(error=f"the database: {error.orig}"), 503

    return web


def _listed(
    app: App, paging: Paging, order: sa.ColumnElement[datetime]
) -> dict[str, Any]:
    """A page of the list of fractals."""
    with app.database.session() as session:
        total = session.scalar(sa.select(sa.func.count(Fractal.uuid))) or 0
        size = paging.results_per_page
        if size == -1:
            size = total
        asking = (
            sa.select(Fractal)
            .order_by(order, Fractal.uuid)
            .limit(size)
            .offset((paging.page - 1) * size)
        )
        objects = list(session.scalars(asking))
    return {
        "num_results": total,
        "objects": objects,
        "page": paging.page,
        "total_pages": -(-total // size) if size else 0,
    }


def _find(app: App, uuid: UUID) -> Fractal:
    with app.database.session() as session:
        fractal = session.get(Fractal, uuid)
    if fractal is None:
        abort(404, f"there is no fractal {uuid}")
    return fractal
