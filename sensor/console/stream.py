"""Server-sent events (HTML Living Standard, 9.2) from an event log: each record with its number as id, or only that
there is something new.
"""

from __future__ import annotations

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
# Each stream looks at the log once a second.
MOST = 64
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _Kind(msgspec.Struct):
    kind: str


class Streams:
    """How many there are, and whether they are to end."""

    open, ending = 0, False


def sse(events: AsyncIterator[bytes]) -> Response:
    """A stream; 503 where there are too many."""
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
    """Records behind a number, those that are there and those to come, of the kinds that are wanted. The id of each is
    its number.
    """
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
    """That the log or its notes have grown, once a second at most."""
    before, quiet = await run_in_threadpool(_sizes, log), 0.0
    yield b"retry: 5000\n\n"
    while not Streams.ending:
        await anyio.sleep(EVERY_S)
        quiet += EVERY_S
        if (now := await run_in_threadpool(_sizes, log)) != before:
            before, quiet = now, 0.0
            yield b"event: changed\ndata: {}\n\n"
        elif quiet >= HEARTBEAT_S:
            quiet = 0.0
            yield b": still here\n\n"


def _sizes(log: Path) -> list[tuple[str, int]]:
    """What changes when something is written."""
    paths = [part.path for part in parts(log)] + [notes_log(log)]
    found = []
    for path in paths:
        try:
            found.append((path.name, path.stat().st_size))
        except FileNotFoundError:  # it was compressed or removed meanwhile, or no note was written yet
            continue
    return found


def _kind(line: bytes) -> str:
    """Of a record; empty for a line that is none. Kinds are words: a foreign one cannot break the frame of an event."""
    try:
        kind = msgspec.json.decode(line, type=_Kind).kind
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return kind if kind.isascii() and kind.isalpha() else ""
