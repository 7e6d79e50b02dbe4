"""A WSGI middleware that keeps a record of every request to a project's listeners."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]
Record = dict[str, Any]
Headers = list[tuple[str, str]]

HIDDEN = "***"

_SECRET_HEADER = re.compile(
    r"authorization|cookie|set-cookie|x-(auth|subject|service|storage)-token"
    r"|x-container-sync-key|x-(account|container)-meta-temp-url-key(-2)?"
    r"|x-amz-security-token"
)
_TELLING_HEADER = re.compile(
    r"accept|content-(type|length|encoding|disposition|range)|destination|etag"
    r"|expect|if-.+|last-modified|location|range|transfer-encoding"
    r"|x-(account|bulk|container|copy|delete|history|newest|object|remove|static"
    r"|symlink|timestamp|trans|versions)(-.+)?|x-amz-(copy-source|meta)(-.+)?"
)
_SECRET_QUERY = re.compile(
    r"((?:^|&)(?:temp_url_sig|signature|x-amz-signature|x-amz-security-token)=)[^&]*",
    re.IGNORECASE,
)


class RequestLog:
    """Passes requests on to `app` and appends a record of each to `records`.

    The record is there before the client can see the end of the response: the
    last chunk is held back until the record is complete.
    """

    def __init__(
        self, app: Callable[..., Iterable[bytes]], service: str, records: list[Record]
    ) -> None:
        self.app = app
        self.service = service
        self.records = records

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        exchange = _Exchange(environ, self.service, self.records)

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            exchange.answered(status, headers)
            return start_response(status, headers, exc_info)

        try:
            body = self.app(environ, start)
        except BaseException:
            exchange.end()
            raise
        if environ["REQUEST_METHOD"] == "HEAD" or exchange.record["status"] == 204:
            body = _no_body(body)
        if isinstance(body, (list, tuple)):
            # The server takes the length of the body from a list.
            exchange.received = sum(map(len, body))
            exchange.end()
            return body
        return _Body(body, exchange)


def begun(service: str, method: str, path: str, query: str, headers: Headers) -> Record:
    """The record of a request that is not answered yet."""
    return {
        "start": time.time(),
        "service": service,
        "method": method,
        "path": path,
        "query": _SECRET_QUERY.sub(rf"\g<1>{HIDDEN}", query),
        "status": 500,
        "request_headers": telling(headers),
        "response_headers": {},
    }


def _no_body(body: Iterable[bytes]) -> list[bytes]:
    """Nothing, as a list.

    The length of a list is known. Of anything else eventlet 0.33 does not know
    that it is empty, and sends the end of a body that a client does not expect.
    """
    try:
        for _ in body:
            pass
    finally:
        if hasattr(body, "close"):
            body.close()
    return []


class _Exchange:
    """One request and its response, until it is a record."""

    def __init__(self, environ: Environ, service: str, records: list[Record]) -> None:
        self.records: list[Record] | None = records
        self.clock = time.monotonic()
        self.received = 0
        self.input = environ["wsgi.input"] = _Input(environ["wsgi.input"])
        path = environ.get("RAW_PATH_INFO") or environ.get("PATH_INFO", "")
        self.record = begun(
            service,
            environ["REQUEST_METHOD"],
            path.partition("?")[0],
            environ.get("QUERY_STRING") or "",
            _request_headers(environ),
        )

    def answered(self, status: str, headers: Headers) -> None:
        self.record["status"] = int(status.split(None, 1)[0])
        self.record["response_headers"] = telling(headers)

    def end(self) -> None:
        """Hand the record over, the first time this is called."""
        if self.records is not None:
            self.record["seconds"] = time.monotonic() - self.clock
            self.record["sent"] = self.input.count
            self.record["received"] = self.received
            self.records.append(self.record)
            self.records = None


class _Input:
    """The request's body, counted as the application reads it."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.count = 0

    def read(self, *args: Any) -> bytes:
        return self._counted(self.source.read(*args))

    def readline(self, *args: Any) -> bytes:
        return self._counted(self.source.readline(*args))

    def __iter__(self) -> Iterator[bytes]:
        return map(self._counted, self.source)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def _counted(self, data: bytes) -> bytes:
        self.count += len(data)
        return data


class _Body:
    """The response's body, one chunk behind the application."""

    def __init__(self, source: Iterable[bytes], exchange: _Exchange) -> None:
        self.source = source
        self.exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        held = b""
        for chunk in self.source:
            self.exchange.received += len(chunk)
            if held:
                yield held
            held = chunk
        self.exchange.end()
        yield held

    def close(self) -> None:
        self.exchange.end()
        close = getattr(self.source, "close", None)
        if close is not None:
            close()


def _request_headers(environ: Environ) -> Headers:
    headers = [
        (key[5:].replace("_", "-"), value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers.append((key.replace("_", "-"), environ[key]))
    return headers


def telling(headers: Headers) -> dict[str, str]:
    """The headers worth showing, by name in Title-Case, with secrets hidden."""
    shown = {}
    for name, value in sorted(headers):
        if _SECRET_HEADER.fullmatch(name.lower()):
            shown[name.title()] = HIDDEN
        elif _TELLING_HEADER.fullmatch(name.lower()):
            text = str(value).encode("latin-1", "replace").decode("utf-8", "replace")
            shown[name.title()] = text
    return shown
