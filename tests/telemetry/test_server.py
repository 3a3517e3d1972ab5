"""The status server: clients, limits, and its socket."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.telemetry import served, server
from sensor.telemetry.host_facts import HostFacts
from sensor.telemetry.served import Served
from sensor.telemetry.server import AT_ONCE, HEAD_LIMIT, Server
from tests.golden import Golden
from tests.waiting import until

REPORTED = msgspec.json.encode(
    {"ts": 1.5, "sensor": {"id": "hq"}, "traffic": {"malformed": 3}, "log": {"path": ""}, "outputs": []}
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sensor.sock"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def reported() -> Served:
    one = Served(HostFacts())
    one.put(REPORTED)
    return one


@pytest.fixture
def serve(reported: Served) -> Iterator[Callable[..., Server]]:
    begun: list[Server] = []

    def begin(path: Path | None, listen: tuple[str, int] | None = None) -> Server:
        begun.append(Server(reported, path, listen))
        return begun[-1]

    yield begin
    for one in begun:
        one.close()


def send(path: Path, request: bytes) -> bytes:
    """All received data until the server closes the connection."""
    with socket.socket(socket.AF_UNIX) as there:
        there.settimeout(10)
        there.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # closed before the request
            there.sendall(request)
            return b"".join(iter(lambda: there.recv(65536), b""))
        return b""


def get(path: Path, what: str) -> tuple[int, bytes]:
    head, _, body = send(path, f"GET {what} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_at_the_socket(serve, path: Path) -> None:
    """The socket serves metrics, the whole status, health, and a list of paths, to the group and not to others."""
    assert serve(path).unavailable == []
    assert path.stat().st_mode & 0o777 == 0o660
    assert b"\nsensor_packets_malformed_total 3\n" in get(path, "/metrics")[1]
    code, body = get(path, "/status.json?pretty=1")
    assert (code, json.loads(body)["sensor"]) == (200, {"id": "hq"})
    assert json.loads(body)["process"]["pid"] > 0
    assert get(path, "/healthz") == (200, b"ok\n")
    assert get(path, "/")[0] == 404
    answer = send(path, b"HEAD /metrics HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200 ")
    assert answer.endswith(b"\r\n\r\n"), "no body"


def test_on_loopback(serve, port: int) -> None:
    """Only requests with a host name of this machine are answered: a page in a browser, under another name, gets
    nothing.
    """
    serve(None, ("127.0.0.1", port))
    ours = (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "")
    others = (f"evil.example:{port}", f"127.0.0.1@evil.example:{port}", "localhost.evil.example", "10.0.0.1", "[::1")
    for host, code in [*((name, 200) for name in ours), *((name, 403) for name in others)]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/status.json", headers={"Host": host})
        assert connection.getresponse().status == code, host
        connection.close()


def test_on_loopback_of_ipv6(serve, port: int) -> None:
    assert serve(None, ("::1", port)).unavailable == []
    connection = http.client.HTTPConnection("::1", port, timeout=10)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"ok\n"
    connection.close()


def test_before_the_first_word_and_after_the_last(
    serve, path: Path, reported: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a status the engine is not ready, with an old one it is stuck; the last status is still served."""
    begun = Served(HostFacts())
    quiet = path.with_name("quiet.sock")
    other = Server(begun, quiet, None)
    assert get(quiet, "/healthz")[0] == 503
    assert get(quiet, "/metrics") == (503, b"the engine has not reported yet\n")
    other.close()
    monkeypatch.setattr(served, "SILENT_S", -1.0)
    serve(path)
    assert get(path, "/healthz")[0] == 503
    assert get(path, "/metrics")[0] == 200


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 501),
        (b"BR\x1b[31mEW /<script> HTTP/1.1\r\n\r\n", 501),
        (b"GET /\x1b[2J<script> HTTP/1.1\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\x01\x00 hello\r\n\r\n", 400),
        (b"GET /metrics HTTP/9.9\r\n\r\n", 505),
        (b"GET /" + b"a" * 2 * HEAD_LIMIT + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 4000 + b"\r\n", 431),
    ],
)
def test_what_makes_no_sense(serve, path: Path, request_: bytes, code: int) -> None:
    """An invalid request gets an error code and text, without its own content; the next one is served."""
    serve(path)
    answer = b""
    with socket.socket(socket.AF_UNIX) as there:
        there.settimeout(10)
        there.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server closes during the request
            there.sendall(request_)
        with contextlib.suppress(ConnectionResetError):
            answer += there.recv(65536)
    if answer or len(request_) <= HEAD_LIMIT:
        assert answer.startswith(f"HTTP/1.0 {code} ".encode())
        assert not [word for word in (b"script", b"\x1b", b"hello") if word in answer]
    assert get(path, "/healthz")[0] == 200


WORDS = [
    b"GET",
    b"HEAD",
    b" ",
    b"/metrics",
    b"/status.json",
    b"HTTP/1.1",
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"Host: x",
    b":",
    b"\xff\xfe",
    b"\0",
    b"Expect: 100-continue",
]


@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=20).map(b"".join))
def test_whatever_comes(request_: bytes) -> None:
    """Any request is answered or closed without an exception, and the next one is served."""
    complaints: list[str] = []
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "log", lambda: SimpleNamespace(error=lambda *_, error: complaints.append(error)))
        reported = Served(HostFacts())
        reported.put(REPORTED)
        path = Path(folder) / "s"
        one = Server(reported, path, None)
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(10)
            there.connect(str(path))
            there.sendall(request_)
            there.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: there.recv(65536), b""))
        assert not answer or answer.startswith(b"HTTP/1.0 ")
        assert get(path, "/healthz") == (200, b"ok\n")
        one.close()
    assert complaints == []


def test_a_slow_one(serve, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends slowly has the same time-out as others, and delays no other."""
    monkeypatch.setattr(server, "TIMEOUT_S", 0.5)
    serve(path)
    with socket.socket(socket.AF_UNIX) as slow:
        slow.settimeout(10)
        slow.connect(str(path))
        began = time.monotonic()
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        ended = threading.Event()
        drip = threading.Thread(target=_drip, args=(slow, ended))
        drip.start()
        assert get(path, "/healthz")[0] == 200
        with contextlib.suppress(ConnectionResetError):  # closed with unread bytes
            while slow.recv(65536):
                pass
        ended.set()
        drip.join()
        assert time.monotonic() - began < 9


def _drip(there: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(0.05):
        try:
            there.sendall(b"x")
        except OSError:
            return


def requested_once_there_is_room(path: Path) -> bytes:
    """The answer, once the accept queue has space for this connection."""
    answers: list[bytes] = []

    def answered() -> list[bytes]:
        with contextlib.suppress(BlockingIOError):
            answers.append(send(path, b"GET /healthz HTTP/1.0\r\n\r\n"))
        return answers

    return until(answered)[0]


def test_a_crowd(serve, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of connections is limited; further ones are closed at once, and all are available again afterwards."""
    monkeypatch.setattr(server, "TIMEOUT_S", 60.0)
    serve(path)
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(AT_ONCE)]
    for one in crowd:
        one.connect(str(path))
    assert requested_once_there_is_room(path) == b""
    for one in crowd:
        one.close()
    until(lambda: requested_once_there_is_room(path))


def test_no_descriptor_is_left(serve, path: Path) -> None:
    """Without a free descriptor a request waits, and the server does not spin."""
    one = serve(path)._servers[0]
    tries: list[float] = []
    accept = one.socket

    class Full:
        def accept(self) -> Any:
            tries.append(time.monotonic())
            if len(tries) < 4:
                raise OSError(errno.EMFILE, "Too many open files")
            return accept.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(accept, name)

    one.socket = Full()
    assert get(path, "/healthz") == (200, b"ok\n")
    assert 4 <= len(tries) <= 5
    assert tries[3] - tries[0] >= 3 * server.PAUSE_S


def test_no_thread_is_left(serve, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a free thread the connection is closed, and its place becomes free."""
    serve(path)
    with monkeypatch.context() as patch:
        patch.setattr(socketserver.threading.Thread, "start", _refused)
        for _ in range(2 * AT_ONCE):
            assert send(path, b"GET /healthz HTTP/1.0\r\n\r\n") == b""
    assert get(path, "/healthz") == (200, b"ok\n")


def _refused(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_what_a_dead_sensor_left(serve, path: Path) -> None:
    """The socket of a killed sensor is replaced."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert serve(path).unavailable == []
    assert get(path, "/healthz")[0] == 200


def test_what_a_living_sensor_has(serve, path: Path, golden: Golden) -> None:
    """A running sensor keeps its socket, also when the other one stops."""
    serve(path)
    other = Server(Served(HostFacts()), path, None)
    golden([text.replace(str(path), "SOCKET") for text in other.unavailable])
    other.close()
    assert get(path, "/healthz")[0] == 200


def test_where_no_socket_can_be(serve, path: Path, tmp_path: Path, port: int, golden: Golden) -> None:
    """A path that is another file or too long, or a used port, is reported, and the sensor runs without."""
    path.write_text("mine")
    golden([text.replace(str(path), "SOCKET") for text in serve(path).unavailable])
    assert path.read_text() == "mine"
    long = tmp_path / ("x" * 120)
    assert "path too long" in serve(long).unavailable[0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        golden([text.replace(str(port), "PORT") for text in serve(None, ("127.0.0.1", port)).unavailable])


def test_the_end(reported: Served, path: Path) -> None:
    """The socket is removed, and the thread ends."""
    before = threading.active_count()
    one = Server(reported, path, None)
    assert get(path, "/healthz")[0] == 200
    one.close()
    assert not path.exists()
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}
    until(lambda: threading.active_count() <= before)  # the one that answered may still be ending
