"""The caller's side of the query process: limits on time and memory, one answer per request."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from typing import IO, cast

import msgspec

from sensor.records.query_process import Answer, QueryStart, Request

_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(Answer)


class QueryError(Exception):
    """The query is invalid, or exceeded a limit; the message contains the reason."""


class Confined:
    """The query process. Close it after use."""

    def __init__(self, begin: QueryStart, seconds: float) -> None:
        """``seconds``: time limit of each answer."""
        self._seconds, self._memory = seconds, begin.memory_mib
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sensor.records.query_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._in, self._out = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        self._send(begin)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def run(self, request: Request) -> Answer:
        """Send a request and return its answer. Raises QueryError."""
        self._send(request)
        answer = _DECODER.decode(self._line())
        if answer.error:
            raise QueryError(answer.error)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _send(self, what: msgspec.Struct) -> None:
        try:
            self._in.write(_ENCODER.encode(what) + b"\n")
            self._in.flush()
        except BrokenPipeError:
            raise QueryError(f"the process of the query ended with exit code {self._process.wait()}") from None

    def _line(self) -> bytes:
        """Read one answer within the time limit."""
        out, parts, until = self._out, list[bytes](), time.monotonic() + self._seconds
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while not (parts and parts[-1].endswith(b"\n")):
                if not selector.select(max(0.0, until - time.monotonic())):
                    self.close()
                    raise QueryError(
                        f"the query took longer than {self._seconds:g} s: narrow it with --since, or with fewer "
                        "tables and columns"
                    )
                part = os.read(out.fileno(), 1 << 20)
                if not part:
                    code = self._process.wait()
                    raise QueryError(
                        f"the query needed more than {self._memory} MiB, or its process was ended (exit code "
                        f"{code}): narrow it with --since"
                    )
                parts.append(part)
        return b"".join(parts)
