"""Serves the status over HTTP, on a unix socket and, if configured, on loopback. It opens no outgoing connection.

Bounded: a few concurrent requests, each small, answered within seconds, and then closed. Nothing of a request is
echoed.
"""

from __future__ import annotations

import contextlib
import errno
import io
import selectors
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sensor.logs.logs import log
from sensor.telemetry.listen import is_loopback
from sensor.telemetry.served import TEXT, Reply, Served

HEAD_LIMIT = 8192
TIMEOUT_S, PAUSE_S = 3.0, 0.1
AT_ONCE = 8
# The group of the sensor may connect.
MODE = 0o660


class _Handler(BaseHTTPRequestHandler):
    """One request, one response."""

    server: _Server
    timeout = TIMEOUT_S

    def version_string(self) -> str:
        return "sensor"

    def handle(self) -> None:
        head = _head(self.connection)
        if len(head) > HEAD_LIMIT:
            self.requestline, self.command = "", "GET"
            self.send_error(431)
            return
        self.rfile.close()
        self.rfile = io.BufferedReader(io.BytesIO(head))
        self.handle_one_request()

    def do_GET(self) -> None:
        if not self.server.may_ask(self.headers.get("Host", "")):
            self.send_error(403)
            return
        self._answer(self.server.served.reply(self.path.partition("?")[0]))

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """With our own texts: those of the library quote the request."""
        self._answer(
            Reply(code, TEXT, f"{code} {self.responses[code][0] if code in self.responses else 'Error'}\n".encode())
        )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called there
        """Requests are not logged."""

    def _answer(self, reply: Reply) -> None:
        self.request_version = self.protocol_version  # also for clients with an older version, or none
        self.send_response(reply.code)
        self.send_header("Content-Type", reply.type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)


def _head(connection: socket.socket) -> bytes:
    """The header of a request, read within its time limit; incomplete if the client was too slow."""
    end, data = time.monotonic() + TIMEOUT_S, b""
    with contextlib.suppress(TimeoutError):
        while b"\r\n\r\n" not in data and len(data) <= HEAD_LIMIT:
            connection.settimeout(max(end - time.monotonic(), 0.001))
            some = connection.recv(4096)
            if not some:
                break
            data += some
    connection.settimeout(TIMEOUT_S)
    return data


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread per request, limited in number."""

    daemon_threads, block_on_close = True, False
    allow_reuse_address = True
    timeout = 0  # the caller polls the socket and knows that a connection is waiting

    def __init__(self, served: Served, address: Any) -> None:
        super().__init__(address, _Handler)
        self.served, self._places = served, threading.BoundedSemaphore(AT_ONCE)

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except OSError:  # no descriptor is left: clients wait, and this loop does not spin
            time.sleep(PAUSE_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads are available
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client closed the connection during the response; or an internal error, which is logged."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log().error("a request for the status was not answered", error=repr(error))

    def may_ask(self, host: str) -> bool:
        """Whether a request with this Host header is permitted. On a unix socket, file permissions decide."""
        return True


class _Unix(_Server):
    address_family = socket.AF_UNIX


class _Loopback(_Server):
    def may_ask(self, host: str) -> bool:
        """Reject pages in local browsers that use another name for this address (DNS rebinding)."""
        try:
            name = urlsplit(f"//{host}").hostname or "localhost"
        except ValueError:
            return False
        return name == "localhost" or is_loopback(name)


class _Loopback6(_Loopback):
    address_family = socket.AF_INET6


class Server:
    """A thread that serves the sockets. ``unavailable``: which of them cannot be opened, as text; the sensor continues
    without them.
    """

    def __init__(self, served: Served, path: Path | None, listen: tuple[str, int] | None) -> None:
        self.unavailable: list[str] = []
        self._servers: list[_Server] = []
        self._path: Path | None = None
        if path is not None:
            self._add(f"the socket {path}", lambda: _at_path(served, path))
            self._path = path if self._servers else None
        if listen is not None:
            self._add(
                f"{listen[0]} port {listen[1]}", lambda: (_Loopback6 if ":" in listen[0] else _Loopback)(served, listen)
            )
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._work, name="telemetry", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._waker.close()
        self._thread.join()
        self._woken.close()
        for one in self._servers:
            one.server_close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _add(self, where: str, made: Callable[[], _Server]) -> None:
        try:
            self._servers.append(made())
        except OSError as error:
            self.unavailable.append(f"the status is not served at {where}: {error.strerror or error}")

    def _work(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for one in self._servers:
                selector.register(one.socket, selectors.EVENT_READ, one)
            while True:
                ready = [key.data for key, _ in selector.select()]
                if None in ready:
                    return
                for server in ready:
                    server.handle_request()


def _at_path(served: Served, path: Path) -> _Unix:
    """A server on a socket in the file system. Replaces a stale socket; one in use is kept. Raises OSError if it cannot
    be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_socket():
        if answers(path):
            raise OSError(errno.EADDRINUSE, "another sensor uses it")
        path.unlink()
    server = _Unix(served, str(path))
    path.chmod(MODE)
    return server


def answers(path: Path) -> bool:
    """Whether a process listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
        there.settimeout(TIMEOUT_S)
        try:
            there.connect(str(path))
        except OSError:
            return False
        return True
