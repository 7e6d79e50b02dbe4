"""The guide built and served, as its tests in a browser and the bench want it."""

from __future__ import annotations

import gzip
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
COMPRESSED = {".css", ".html", ".js", ".json", ".svg", ".txt", ".xml"}


def build(source: Path, out: Path, *options: str, builder: str = "html") -> Path:
    """Build pages, every warning an error; the folder that they are in."""
    subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-b", builder, "-q", "-W", "-n"),
            *("-d", str(out / "doctrees"), *options, str(source), str(out / builder)),
        ],
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    return out / builder


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback as a web server would: compressed, and with
    its 404 page for what is not there. Gives its address, without a slash."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = folder / unquote(urlsplit(self.path).path).lstrip("/")
            if path.is_dir():
                path /= "index.html"
            status = 200 if path.is_file() else 404
            if status == 404:
                path = folder / "404.html"
            content = path.read_bytes() if path.is_file() else b""
            self.send_response(status)
            kind = guess_type(path.name)[0] or "application/octet-stream"
            self.send_header("Content-Type", kind)
            if path.suffix in COMPRESSED:
                content = compressed(content)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            # LinkChecker may ask as fast as it can, by its own manual.
            self.send_header("LinkChecker", "welcome")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with listening(Handler) as address:
        yield address


@cache
def compressed(content: bytes) -> bytes:
    """As small as gzip makes it; a page is asked for by many tests."""
    return gzip.compress(content, 9)


Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


@contextmanager
def answering(
    answer: Callable[[str, str, Message, bytes], Answer], host: str = "127.0.0.1"
) -> Iterator[str]:
    """Answer on loopback by a function of method, path, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = answer(
                self.command, self.path, self.headers, body
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def do_CONNECT(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with listening(Handler, host) as address:
        yield address


@contextmanager
def listening(
    handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1"
) -> Iterator[str]:
    """Answer on loopback by a handler; gives the address, without a slash."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

        def handle_error(self, *arguments: object) -> None:
            """A reader may leave at any time."""

    server = Server((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def passed_on(url: str, method: str, headers: Message, body: bytes) -> Answer:
    """What another server answers, with what of its headers Keystone's clients read."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.netloc, timeout=30)
    path = split.path + (f"?{split.query}" if split.query else "")
    connection.request(method, path or "/", body, dict(headers))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    names = ("Content-Type", "X-Subject-Token", "X-Account-Container-Count")
    kept = {name: answer.headers[name] for name in names if name in answer.headers}
    return answer.status, kept, content
