"""The manifest of a backup: who made it, when, its contents, and the hash of each file. It is the last file of the
archive.
"""

from __future__ import annotations

import msgspec

NAME = "manifest.json"
FORMAT = 1
SIZE_LIMIT = 64 << 20


class Entry(msgspec.Struct, frozen=True):
    """One file of the archive. ``sha256``: hexadecimal."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """``sensor``: the version that made it; ``site``, ``id``: of the sensor; ``created``: RFC 3339; ``tables``: version
    of the inventory's tables, 0 if there was none; ``log``, ``evidence``, ``records``: whether they are included;
    ``left_out``: files elsewhere that the configuration names.
    """

    format: int
    sensor: str
    id: str
    site: str
    created: str
    tables: int
    devices: int
    log: bool
    evidence: bool
    left_out: list[str]
    files: list[Entry]
    records: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)


def encoded(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decoded(text: bytes) -> Manifest:
    """Parse a manifest. Raises ValueError, with a message for users, if it is invalid, or from a newer sensor."""
    try:
        version = msgspec.json.decode(text, type=dict).get("format")
        if isinstance(version, int) and version > FORMAT:
            raise ValueError(f"its format is {version}, expected {FORMAT}: use the newer sensor")
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the manifest is invalid: {error}") from None
