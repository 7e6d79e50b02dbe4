"""A small stand-in for the Fractals app: three pictures over HTTP.

GET /v1/fractal?results_per_page=-1   the list, as JSON
GET /fractal/UUID                     a picture, as PNG
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import threading
import zlib
from collections.abc import Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

WIDTH, HEIGHT = 128, 96
ITERATIONS = 40
VIEWS = {
    # uuid: centre and width in the complex plane
    "0d3bd9b2-4b6a-4b3e-9d0a-5a1f0f3c7a11": (complex(-0.7, 0), 3.0),
    "5c9a2f74-1f0d-4a53-8f4e-2b7d3a9c6e22": (complex(-0.75, 0.15), 0.4),
    "a7e4c1d8-93b5-4c7f-b6a2-8e1d4f5b9c33": (complex(0.32, 0.48), 0.5),
}


@cache
def pictures() -> dict[str, bytes]:
    """The pictures: uuid, and PNG."""
    return {uuid: _png(*view) for uuid, view in VIEWS.items()}


@cache
def checksums() -> dict[str, str]:
    """The pictures' md5 in hexadecimal digits, by uuid."""
    return {
        uuid: hashlib.md5(png, usedforsecurity=False).hexdigest()
        for uuid, png in pictures().items()
    }


def _png(centre: complex, width: float) -> bytes:
    """A piece of the Mandelbrot set, as a PNG in 8-bit grey."""
    step = width / WIDTH
    rows = bytearray()
    for row in range(HEIGHT):
        rows.append(0)
        for column in range(WIDTH):
            c = centre + complex(column - WIDTH / 2, HEIGHT / 2 - row) * step
            z, count = 0j, 0
            while count < ITERATIONS and abs(z) <= 2:
                z, count = z * z + c, count + 1
            rows.append(round(255 * math.sqrt(1 - count / ITERATIONS)))

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + chunk(b"IEND", b"")
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pictures: Mapping[str, bytes]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        uuid = path.removeprefix("/fractal/")
        if path == "/v1/fractal":
            objects = [
                {"uuid": uuid, "size": len(png)} for uuid, png in self.pictures.items()
            ]
            body = {
                "num_results": len(objects),
                "objects": objects,
                "page": 1,
                "total_pages": 1,
            }
            self._answer(200, "application/json", json.dumps(body).encode())
        elif uuid in self.pictures:
            self._answer(200, "image/png", self.pictures[uuid])
        else:
            self._answer(404, "text/plain", b"Not Found\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Fractals:
    """The stand-in, listening on loopback while the context lasts."""

    def __init__(self, given: Mapping[str, bytes] | None = None) -> None:
        """`given` are pictures to have in the place of its own."""
        self._given = given

    def __enter__(self) -> Fractals:
        class Handler(_Handler):
            pictures = self._given or pictures()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """FRACTALS_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"
