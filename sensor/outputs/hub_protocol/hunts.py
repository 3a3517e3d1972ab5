"""Messages of federated hunting: the hub sends a query to a sensor (``hub.hunt.KEY``), which runs it on its traffic
records and publishes the result (``hub.found.HUNT.KEY``), compressed with zstd. KEY is the public key of the sensor,
whose credentials permit no other; HUNT is the id of the hunt.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import zstandard
from msgspec import Meta

HUNT, FOUND = "hub.hunt", "hub.found"
SQL_LIMIT, ROWS_LIMIT, SECONDS_LIMIT = 64 * 1024, 10_000, 60.0
# Size limit of a decompressed result.
SIZE_LIMIT = 32 << 20
REASON_LIMIT = 2000

Fault = Literal["", "query", "no_records", "failed", "not_signed", "other_sensor", "expired", "replayed"]
"""Why a sensor has no rows: the query is not valid or exceeds its limits; the sensor has no records; the
sensor failed; the query is not signed by the hub, or for another sensor, or too long ago, or was sent before.
"""


class Hunt(msgspec.Struct, frozen=True):
    """``id``: a token in the subject of its results; ``sql``: one SELECT; ``rows``: limit for each sensor; ``since``,
    ``until``: microseconds since 1970, None: unbounded; ``author``: for the log of the sensor; ``sensor``: public key
    of the one that it is for; ``signed``: time of the signature, seconds since 1970.
    """

    id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    sql: Annotated[str, Meta(min_length=1, max_length=SQL_LIMIT)]
    rows: Annotated[int, Meta(ge=1, le=ROWS_LIMIT)]
    seconds: Annotated[float, Meta(gt=0, le=SECONDS_LIMIT)]
    since: int | None = None
    until: int | None = None
    author: str = ""
    sensor: str = ""
    signed: int = 0


class Found(msgspec.Struct, frozen=True):
    """Result of one sensor. ``types``: column types of DuckDB; ``more``: it has more rows than these; ``whole``: no
    records of that time are known to be missing; ``coverage``: of the records, as text.
    """

    fault: Fault = ""
    reason: str = ""
    columns: list[str] = []
    types: list[str] = []
    rows: list[list[Any]] = []
    more: bool = False
    whole: bool = False
    coverage: list[str] = []


def found_subject(hunt: str, key: str) -> str:
    """Subject of a sensor's results. ``hunt``: an id, or ``*`` for every hunt."""
    return f"{FOUND}.{hunt}.{key}"


def fitted(found: Found, limit: int) -> bytes:
    """A message of at most ``limit`` bytes, with as many rows as fit."""
    while len(body := _compressed(found)) > limit:
        if not found.rows:
            return _compressed(Found("failed", f"the answer without its rows is larger than {limit:,} bytes"))
        found = msgspec.structs.replace(found, rows=found.rows[: len(found.rows) // 2], more=True)
    return body


def read_found(body: bytes) -> Found:
    """The result in a message of a sensor. Raises ValueError with the fault if it is invalid."""
    try:
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= SIZE_LIMIT:
            raise ValueError(f"found {size:,} bytes decompressed, expected 0 to {SIZE_LIMIT:,}")
        text = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompress(body, max_output_size=size)
        found = msgspec.json.decode(text, type=Found)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise ValueError(f"found an invalid answer: {error}") from None
    if any(len(row) != len(found.columns) for row in (found.types, *found.rows)):
        raise ValueError(f"found a number of types or values that differs from its {len(found.columns)} columns")
    return found


def _compressed(found: Found) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(msgspec.json.encode(found))
