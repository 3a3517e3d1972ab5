"""Releases at the hub: packages that the operator signs, stored in parts, which sensors download."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import msgspec

from sensor.hub.configurations import PART
from sensor.hub.database import Connection, copy_rows
from sensor.outputs.hub_protocol.messages import FilePart, Signed
from sensor.outputs.transport.nkeys import KeyPair
from sensor.upgrades.packages import fields_of
from sensor.upgrades.releases import PACKAGE, Rejected, Release, check_release, sign_release

_ADD: LiteralString = """
INSERT INTO releases (version, architecture, sha256, size, signed, author, content, signature)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (version, architecture) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size, at = now(),
    signed = excluded.signed, author = excluded.author, content = excluded.content, signature = excluded.signature"""
_UNUSED: LiteralString = "DELETE FROM release_parts WHERE sha256 NOT IN (SELECT sha256 FROM releases)"
_PART: LiteralString = """
SELECT substring(body FROM (%(offset)s - start + 1)::int) FROM release_parts
WHERE sha256 = %(sha256)s AND start = %(offset)s - %(offset)s %% %(size)s
    AND EXISTS (SELECT FROM sensors WHERE key = %(key)s AND state = 'approved')"""
_RELEASE: LiteralString = "SELECT content, signature FROM releases WHERE version = %s AND architecture = %s"
_RELEASES: LiteralString = "SELECT version, architecture, size, at, author, sha256 FROM releases ORDER BY at DESC"


class ReleaseRow(msgspec.Struct, frozen=True):
    """``size``: bytes; ``at``: time of its signature."""

    version: str
    architecture: str
    size: int
    at: datetime
    author: str
    sha256: str


def add_release(base: Connection, operator: KeyPair, package: Path, author: str, now: datetime) -> Release:
    """Sign and store a package file; the same version of the same architecture is replaced. Raises Rejected if it is
    not a package of the sensor; OSError.
    """
    with package.open("rb") as file:
        sha256, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    name, version, architecture = fields_of(package)
    if name != PACKAGE:
        raise Rejected(f"found the package {name[:100]}, expected {PACKAGE}")
    release = check_release(Release(version, architecture, sha256, size, int(now.astimezone(UTC).timestamp())))
    signed = sign_release(release, operator)
    with base.transaction():
        values = [version, architecture, sha256, size, release.signed, author, signed.content, signed.signature]
        base.execute(_ADD, values)
        base.execute("DELETE FROM release_parts WHERE sha256 = %s", [sha256])
        copy_rows(base, "release_parts", ("sha256", "start", "body"), _parts(package, sha256))
        base.execute(_UNUSED)
    return release


def package_part(base: Connection, key: str, requested: FilePart) -> bytes:
    """A part of a package for an approved sensor; empty at its end, or if the hub does not have it."""
    values = {"offset": max(0, requested.offset), "sha256": requested.sha256, "size": PART, "key": key}
    row = base.execute(_PART, values).fetchone()
    return bytes(row[0]) if row else b""


def release_of(base: Connection, version: str, architecture: str) -> Signed | None:
    """The signed release of a version; None if the hub does not have it."""
    row = base.execute(_RELEASE, [version, architecture]).fetchone()
    return Signed(row[0], row[1]) if row else None


def list_releases(base: Connection) -> list[ReleaseRow]:
    """All releases, the latest first."""
    return [ReleaseRow(*row) for row in base.execute(_RELEASES)]


def _parts(package: Path, sha256: str) -> Iterator[tuple[str, int, bytes]]:
    """Rows of the parts of a file, with their offsets."""
    start = 0
    with package.open("rb") as file:
        while body := file.read(PART):
            yield sha256, start, body
            start += len(body)
