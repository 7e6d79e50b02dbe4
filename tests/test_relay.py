"""The relay before Ceph's gateway: it changes no byte, and keeps exchanges."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from livesteps_openstack.ceph.relay import Lane, Relay

PATIENCE = 10
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """A server that answers by a script: bytes to send after so many are read."""

    def __init__(self, *script: tuple[int, bytes]) -> None:
        self.heard = b""
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with closing(self._listener), closing(self._listener.accept()[0]) as peer:
            peer.settimeout(PATIENCE)
            for expected, answer in self._script:
                while len(self.heard) < expected:
                    self.heard += peer.recv(expected - len(self.heard))
                peer.sendall(answer)

    def end(self) -> bytes:
        """All that it was sent, when it has ended."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.heard


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay."""
    with Relay() as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Callable[[Lane], socket.socket]]:
    """Connect to a lane, as a client."""
    with ExitStack() as stack:

        def connected(lane: Lane) -> socket.socket:
            host, port = lane.url.removeprefix("http://").split(":")
            client = socket.create_connection((host, int(port)), PATIENCE)
            return stack.enter_context(client)

        yield connected


def read(client: socket.socket, size: int) -> bytes:
    """So many bytes of an answer."""
    got = b""
    while len(got) < size:
        more = client.recv(size - len(got))
        assert more, got
        got += more
    return got


def test_bytes_pass_as_they_are(
    relay: Relay, connect: Callable[[Lane], socket.socket]
) -> None:
    request = (
        b"PUT /c/an%20o?x=1&temp_url_sig=abc HTTP/1.1\r\nhOsT: 127.0.0.1:1\r\n"
        b"X-Auth-Token: s3cret\r\nX-Odd_Name:  two  spaces \r\nEtag: caf\xc3\xa9\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
        b"3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n"
    )
    answer = (
        b"HTTP/1.1 201 Created by hand\r\nX-ODD: 1\r\nX-Odd: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    server = Server((len(request), answer))
    lane = relay.lane(server.port)
    client = connect(lane)
    client.sendall(request)
    assert read(client, len(answer)) == answer
    [exchange] = lane.take_exchanges()
    assert server.end() == request
    assert (exchange.method, exchange.resource) == ("PUT", "/c/an%20o")
    assert exchange.path.partition("?")[2] == "x=1&temp_url_sig=***"
    assert (exchange.status, exchange.sent, exchange.received) == (201, 7, 5)
    assert exchange.headers["X-Auth-Token"] == "***"
    assert exchange.headers["Etag"] == "café"
    assert lane.take_exchanges() == []


def test_a_body_is_sent_when_the_server_has_asked_for_it(
    relay: Relay, connect: Callable[[Lane], socket.socket]
) -> None:
    head = b"PUT /c/o HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    on = b"HTTP/1.1 100 CONTINUE\r\n\r\n"
    server = Server((len(head), on), (len(head) + 4, OK))
    lane = relay.lane(server.port)
    client = connect(lane)
    client.sendall(head)
    assert read(client, len(on)) == on
    client.sendall(b"body")
    assert read(client, len(OK)) == OK
    [exchange] = lane.take_exchanges()
    assert (exchange.status, exchange.sent) == (200, 4)


def test_a_connection_is_kept_after_an_answer_without_a_body(
    relay: Relay, connect: Callable[[Lane], socket.socket]
) -> None:
    head = b"HEAD /c/o HTTP/1.1\r\n\r\n"
    # Of a HEAD, the length is that of the body which a GET would give.
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    server = Server((len(head), answer))
    lane = relay.lane(server.port)
    client = connect(lane)
    client.sendall(head)
    assert read(client, len(answer)) == answer
    server.end()
    with closing(socket.create_server(("127.0.0.1", server.port))) as again:
        client.sendall(head)
        peer, _ = again.accept()
        with closing(peer):
            peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert read(client, 27).startswith(b"HTTP/1.1 204")
    assert [each.received for each in lane.take_exchanges()] == [0, 0]


def test_a_body_without_a_length_ends_with_the_connection(
    relay: Relay, connect: Callable[[Lane], socket.socket]
) -> None:
    request = b"GET / HTTP/1.1\r\n\r\n"
    server = Server((len(request), b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    lane = relay.lane(server.port)
    client = connect(lane)
    client.sendall(request)
    with client.makefile("rb") as answer:
        assert answer.read().endswith(b"\r\n\r\nall of it")
    [exchange] = lane.take_exchanges()
    assert exchange.received == 9


def test_a_server_that_hangs_up_is_recorded_as_one_that_failed(
    relay: Relay, connect: Callable[[Lane], socket.socket]
) -> None:
    request = b"GET / HTTP/1.1\r\n\r\n"
    server = Server((len(request), b""))
    lane = relay.lane(server.port)
    client = connect(lane)
    client.sendall(request)
    assert client.recv(1) == b""
    [exchange] = lane.take_exchanges()
    assert exchange.status == 500
