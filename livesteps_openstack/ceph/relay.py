"""A relay before an HTTP server: bytes pass as they are, and leave an exchange.

Nothing of a request or an answer is changed, for a signature of S3 covers the
Host header, and a client's `Expect: 100-continue` is the server's to answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from livesteps.read.exchange import Exchange
from livesteps_openstack.cloud.requestlog import Pending

HOST = "127.0.0.1"
CHUNK = 1 << 18
"""Bytes at once, of a body; a head may not be longer."""
GRACE = 1.0
"""Seconds for the rest of a request that was answered before it was complete."""


@dataclass
class Lane:
    """An address of the relay, and the requests that came there."""

    url: str
    """Scheme, host and port."""
    _exchanges: list[Exchange] = field(default_factory=list)

    def take_exchanges(self) -> list[Exchange]:
        """Those since the last call."""
        taken = self._exchanges[:]
        del self._exchanges[: len(taken)]
        return taken


class Relay:
    """Owns a thread in which all lanes are served, while the context lasts."""

    def __enter__(self) -> Self:
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lane(self, port: int) -> Lane:
        """A new address, before the server at this port of loopback."""
        return asyncio.run_coroutine_threadsafe(self._open(port), self._loop).result()

    async def _open(self, port: int) -> Lane:
        exchanges: list[Exchange] = []

        async def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            with suppress(OSError, EOFError, ValueError, asyncio.CancelledError):
                while await _exchange(reader, writer, port, exchanges):
                    pass
            writer.close()

        server = await asyncio.start_server(connected, HOST, 0, limit=CHUNK)
        self._servers.append(server)
        own = server.sockets[0].getsockname()[1]
        return Lane(f"http://{HOST}:{own}", exchanges)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class _Head:
    """The lines before a body, as they came and as they are read."""

    raw: bytes
    words: list[str]
    """Of the first line: three, or two where an answer gives no reason."""
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str:
        """A header's value in lower case, or nothing."""
        for each, value in self.headers:
            if each.lower() == name:
                return value.lower()
        return ""


async def _read_head(reader: asyncio.StreamReader) -> _Head:
    """Raises `EOFError` where there is none any more."""
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    headers = [line.partition(":")[::2] for line in lines]
    return _Head(raw, first.split(" ", 2), [(n, v.strip()) for n, v in headers])


async def _body(
    reader: asyncio.StreamReader, head: _Head
) -> AsyncIterator[tuple[bytes, int]]:
    """A body in pieces, and how many bytes of each are content."""
    if "chunked" in head.get("transfer-encoding"):
        while size := int((line := await reader.readline()).partition(b";")[0], 16):
            yield line, 0
            async for piece in _exactly(reader, size):
                yield piece, len(piece)
            yield await reader.readexactly(2), 0
        while (last := await reader.readline()).strip():
            line += last
        yield line + last, 0
    elif length := head.get("content-length"):
        async for piece in _exactly(reader, int(length)):
            yield piece, len(piece)
    else:
        while piece := await reader.read(CHUNK):
            yield piece, len(piece)


def _open_ended(head: _Head) -> bool:
    """Whether a body, if there is one, goes on until the connection is closed."""
    return not (head.get("transfer-encoding") or head.get("content-length"))


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, CHUNK))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece


async def _exchange(
    client: asyncio.StreamReader,
    out: asyncio.StreamWriter,
    port: int,
    exchanges: list[Exchange],
) -> bool:
    """Pass one request and its answer; whether there may be another."""
    head = await _read_head(client)
    method, target = head.words[:2]
    path, _, query = target.partition("?")
    pending = Pending.begun("object-store", method, path, query, head.headers)
    logged = False
    sending = None
    try:
        server, into = await asyncio.open_connection(HOST, port, limit=CHUNK)
        sending = asyncio.create_task(_send(head, client, into, pending))
        answer = await _read_head(server)
        while answer.words[1].startswith("1"):
            out.write(answer.raw)
            answer = await _read_head(server)
        pending.answered(int(answer.words[1]), answer.headers)
        # The exchange is there before the client can see the end of the answer.
        held = answer.raw
        bare = method == "HEAD" or pending.status in (204, 304)
        if not bare:
            async for piece, content in _body(server, answer):
                out.write(held)
                await out.drain()
                held = piece
                pending.received += content
        exchanges.append(pending.done())
        logged = True
        out.write(held)
        await out.drain()
        await asyncio.wait([sending], timeout=GRACE)
        return (
            sending.done()
            and not sending.exception()
            and "close" not in answer.get("connection")
            and (bare or not _open_ended(answer))
        )
    finally:
        if not logged:
            exchanges.append(pending.done())
        if sending:
            sending.cancel()
            into.close()


async def _send(
    head: _Head,
    client: asyncio.StreamReader,
    into: asyncio.StreamWriter,
    pending: Pending,
) -> None:
    into.write(head.raw)
    await into.drain()
    if _open_ended(head):
        return  # a request without a length has no body
    async for piece, content in _body(client, head):
        into.write(piece)
        pending.sent += content
        await into.drain()
