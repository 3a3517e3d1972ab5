"""A receiver of HTTP requests that stores durably before it answers, and that fails as its script defines.

``Receiver`` runs in threads of a test; ``python -m tests.outputs.receiver --port 8080 --store FILE`` runs alone, so
that it can be killed: what it has answered with 2xx is in the file. The type of destination (a plain collector,
``_bulk`` …) is a service: see ``services.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import json
import os
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple, Self

import zstandard

Service = Callable[["Request", "Store"], "Answer"]


class Request(NamedTuple):
    """A received request. ``headers``: names in lower case; ``raw``: the body as it was on the wire, ``body``:
    decompressed.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: bytes


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Fault(NamedTuple):
    """A fault of one request. ``status``: this answer, and nothing is stored unless ``store``; 0: the service's answer.

    ``before_s``, ``after_s``: silence before and after it is stored; ``cut``: the connection closes after so many bytes
    of the answer; ``reset``: TCP reset in place of an answer; ``bytes_per_s``: rate at which the answer is sent.
    """

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = {}
    store: bool = False
    before_s: float = 0
    after_s: float = 0
    cut: int | None = None
    reset: bool = False
    bytes_per_s: float = 0


class Store:
    """Lines in order of arrival, in a file if one is named: on disk before ``add`` returns. A line that a crash
    truncated is dropped at the start.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.lines: list[bytes] = []
        self._fd = -1
        self._lock = threading.Lock()
        if path is not None:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            whole = path.read_bytes()
            os.truncate(path, whole.rfind(b"\n") + 1)
            self.lines = whole[: whole.rfind(b"\n") + 1].splitlines()
        self.ids = {record["id"] for record in self.records if "id" in record}

    @property
    def records(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]

    def add(self, lines: Iterable[bytes]) -> None:
        with self._lock:
            lines = list(lines)
            if self._fd >= 0 and lines:
                os.write(self._fd, b"".join(line + b"\n" for line in lines))
                os.fdatasync(self._fd)
            self.lines += lines

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def plain(request: Request, store: Store) -> Answer:
    """A collector: accepts JSON lines or one JSON array, and stores duplicates too."""
    if request.body.startswith(b"["):
        store.add(
            json.dumps(each, separators=(",", ":"), ensure_ascii=False).encode() for each in json.loads(request.body)
        )
    else:
        store.add(request.body.splitlines())
    return Answer()


class Receiver(socketserver.ThreadingTCPServer):
    """``script``: one fault per request, None: no fault; requests after its end succeed. ``tls``: context of a server;
    ``stall_handshake``: the handshake never starts.
    """

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 64

    def __init__(
        self,
        service: Service = plain,
        *,
        store: Store | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        stall_handshake: bool = False,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.service, self.store, self.tls, self.stall_handshake = service, store or Store(), tls, stall_handshake
        self.script: list[Fault | None] = []
        self.requests: list[Request] = []
        self.connections = 0
        self.ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        """Close all connections, and wait for their threads."""
        self.ended.set()
        self.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self.store.close()

    def met(self, connection: socket.socket, *, gone: bool = False) -> None:
        with self._lock:
            (self._open.discard if gone else self._open.add)(connection)

    def next_fault(self, request: Request) -> Fault:
        with self._lock:
            self.requests.append(request)
            return (self.script.pop(0) if self.script else None) or Fault()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that disconnected is ignored; any other error is a fault of the test."""
        if not isinstance(sys.exception(), OSError | http.client.HTTPException):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.server.connections += 1
        self.server.met(self.request)
        if self.server.stall_handshake:
            self.server.ended.wait()
            raise ConnectionAbortedError
        if self.server.tls is not None:
            plain_socket = self.request
            self.request = self.server.tls.wrap_socket(plain_socket, server_side=True)
            self.server.met(plain_socket, gone=True)
            self.server.met(self.request)
        super().setup()

    def finish(self) -> None:
        self.server.met(self.request, gone=True)
        with contextlib.suppress(OSError):
            super().finish()
        if self.server.tls is not None:
            self.request.close()

    def log_message(self, *args: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        """Every method is served."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        raw = self.rfile.read(int(headers.get("content-length", 0)))
        request = Request(self.command, self.path, headers, raw, _unpacked(raw, headers.get("content-encoding", "")))
        fault = self.server.next_fault(request)
        self.server.ended.wait(fault.before_s)
        answer = Answer(fault.status, fault.body, fault.headers)
        if not fault.status or fault.store:
            usual = self.server.service(request, self.server.store)
            answer = answer if fault.status else usual
        self.server.ended.wait(fault.after_s)
        self._answer(answer, fault)

    def _answer(self, answer: Answer, fault: Fault) -> None:
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        phrase = http.client.responses.get(answer.status, "Scripted")
        lines = [
            f"HTTP/1.1 {answer.status} {phrase}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        whole = "\r\n".join([*lines, f"Content-Length: {len(answer.body)}", "", ""]).encode() + (
            b"" if self.command == "HEAD" else answer.body
        )
        if fault.cut is not None:
            whole, self.close_connection = whole[: fault.cut], True
        if not fault.bytes_per_s:
            self.wfile.write(whole)
            return
        for place in range(len(whole)):
            self.wfile.write(whole[place : place + 1])
            if self.server.ended.wait(1 / fault.bytes_per_s):
                return


def _unpacked(raw: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(raw)
    return zstandard.ZstdDecompressor().decompressobj().decompress(raw) if encoding == "zstd" else raw


def main() -> None:
    """Serve until TERM; prints ``ready PORT`` when it listens."""
    from tests.outputs.services import SERVICES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--service", choices=sorted(SERVICES), default="plain")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    given = parser.parse_args()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if given.certificate else None
    if tls is not None:
        tls.load_cert_chain(given.certificate, given.key)
    with Receiver(SERVICES[given.service](), store=Store(given.store), tls=tls, port=given.port) as receiver:
        signal.signal(signal.SIGTERM, lambda *_: receiver.ended.set())
        print(f"ready {receiver.port}", flush=True)
        receiver.ended.wait()


if __name__ == "__main__":
    main()
