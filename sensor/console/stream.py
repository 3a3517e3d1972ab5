"""Server-sent events (HTML Living Standard, 9.2) from an event log: either records, with their number as id, or only
notifications of changes.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import notes_log

EVERY_S, HEARTBEAT_S, BATCH = 1.0, 15.0, 500
# Seconds between two notifications of a stream: an open page of a busy sensor reloads at most so often.
PAUSE_S = 5.0
# Limit of streams. All streams of changes of a log share one check of it a second.
MOST = 320
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _Kind(msgspec.Struct):
    kind: str


class Streams:
    """The number of open streams, and whether they must end."""

    open, ending = 0, False


def sse(events: AsyncIterator[bytes]) -> Response:
    """A stream; 503 if there are too many."""
    if Streams.open >= MOST:
        return Response("too many streams are open\n", 503, headers={"Retry-After": "60"})
    return StreamingResponse(_counted(events), media_type="text/event-stream", headers=HEADERS)


async def _counted(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    Streams.open += 1
    try:
        async for event in events:
            yield event
    finally:
        Streams.open -= 1


async def records(log: Path, after: int, wanted: Callable[[str], bool]) -> AsyncIterator[bytes]:
    """Records after a number, existing and future ones, of the wanted kinds. The id of each is its number."""
    cursor = await run_in_threadpool(LogCursor, log, after)
    quiet = 0.0
    try:
        yield b"retry: 3000\n\n"
        while not Streams.ending:
            found = await run_in_threadpool(cursor.read, BATCH)
            for number, line in found:
                if (kind := _kind(line)) and wanted(kind):
                    yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
                        number,
                        kind.encode(),
                        line.strip().replace(b"\r", b" "),
                    )
            quiet = 0.0 if found else quiet + EVERY_S
            if quiet >= HEARTBEAT_S:
                quiet = 0.0
                yield b": still here\n\n"
            if not found:
                await anyio.sleep(EVERY_S)
    finally:
        cursor.close()


async def changes(log: Path) -> AsyncIterator[bytes]:
    """A notification when the log or its notes grow: the first within a second, further ones after a pause."""
    before, quiet, pause = await _LOOKS.sizes(log), 0.0, 0.0
    yield b"retry: 5000\n\n"
    while not Streams.ending:
        await anyio.sleep(EVERY_S)
        quiet, pause = quiet + EVERY_S, pause - EVERY_S
        if pause <= 0 and (now := await _LOOKS.sizes(log)) != before:
            before, quiet, pause = now, 0.0, PAUSE_S
            yield b"event: changed\ndata: {}\n\n"
        elif quiet >= HEARTBEAT_S:
            quiet = 0.0
            yield b": still here\n\n"


class _LogPolls:
    """The last check of each log, which serves all streams for a second."""

    def __init__(self) -> None:
        self._last: dict[Path, tuple[float, list[tuple[str, int]]]] = {}
        self._lock = anyio.Lock()

    async def sizes(self, log: Path) -> list[tuple[str, int]]:
        """Sizes of the files of a log, at most a second old."""
        async with self._lock:
            if time.monotonic() - self._last.get(log, (0.0, []))[0] >= EVERY_S:
                self._last = {one: last for one, last in self._last.items() if time.monotonic() - last[0] < HEARTBEAT_S}
                self._last[log] = time.monotonic(), await run_in_threadpool(_sizes, log)
            return self._last[log][1]


_LOOKS = _LogPolls()


def _sizes(log: Path) -> list[tuple[str, int]]:
    """Sizes of the files that a write changes."""
    paths = [part.path for part in parts(log)] + [notes_log(log)]
    found = []
    for path in paths:
        try:
            found.append((path.name, path.stat().st_size))
        except FileNotFoundError:  # it was compressed or removed meanwhile, or there are no notes yet
            continue
    return found


def _kind(line: bytes) -> str:
    """Kind of a record; empty if it is invalid. Kinds are single words, so that they cannot break the framing of an
    event.
    """
    try:
        kind = msgspec.json.decode(line, type=_Kind).kind
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return kind if kind.isascii() and kind.isalpha() else ""
