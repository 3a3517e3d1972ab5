"""The list of a sensor's central records of one day, signed by the sensor.

Files are named by their SHA-256, so the signature covers their content: neither the object store nor another sensor can
change or replace records. The list of a day is replaced as a whole, after its files were stored.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta

from sensor.outputs.hub_protocol.messages import Signed
from sensor.outputs.transport.nkeys import KeyPair, is_signed

VERSION = 1
HOURS = 24
DAY = re.compile(r"\d{5,7}")
# Prefix of the signed data, so that no other signature of the key is valid for a list.
_PURPOSE = b"sensor central records 1\n"
Count = Annotated[int, Meta(ge=0, lt=1 << 62)]


class Invalid(Exception):
    """A list that cannot be used, with the reason."""


class Entry(msgspec.Struct, frozen=True):
    """A Parquet file: as in ``records.manifest.File``, with the SHA-256 of its content."""

    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    table: str
    hour: Count
    rows: Count
    size: Count
    first: Count
    last: Count
    crc: Count


class Day(msgspec.Struct, frozen=True):
    """``day``: since 1970; ``until``: records of the day are complete up to this time, microseconds; ``gone``: replaced
    files, with the time from which they may be deleted, seconds since 1970.
    """

    sensor: str
    site: str
    day: Count
    until: Count
    files: list[Entry]
    gone: list[tuple[str, int]] = []
    version: int = VERSION


def folder_of(site: str, sensor: str) -> str:
    """The folder of a sensor's objects."""
    return f"{quote(site, safe='') or '-'}/{quote(sensor, safe='')}/"


def day_name(day: int) -> str:
    return f"days/{day}.json"


def file_name(sha256: str) -> str:
    return f"files/{sha256}.parquet"


def sign_day(day: Day, pair: KeyPair) -> bytes:
    content = msgspec.json.encode(day).decode()
    return msgspec.json.encode(Signed(content, pair.sign(_PURPOSE + content.encode())))


def read_day(body: bytes, key: str, sensor: str, site: str, day: int) -> Day:
    """The list, if this sensor signed it. ``key``: its public key. Raises Invalid."""
    try:
        signed = msgspec.json.decode(body, type=Signed)
        if not is_signed(key, _PURPOSE + signed.content.encode(), signed.signature):
            raise Invalid("its list is not signed by the sensor")
        found = msgspec.json.decode(signed.content, type=Day)
    except msgspec.MsgspecError as error:
        raise Invalid(f"its list is invalid: {error}") from None
    if found.version > VERSION:
        raise Invalid(f"its list has version {found.version}, expected at most {VERSION}: upgrade the hub")
    if (found.sensor, found.site, found.day) != (sensor, site, day):
        raise Invalid("its list is that of another sensor or day")
    return found
