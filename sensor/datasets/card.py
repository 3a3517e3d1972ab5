"""The card of a dataset: a small file in its folder with what cannot be seen from the other files."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

FILE = "dataset.json"
LIVE, REPLAY, LOG = "live", "replay", "log"


class Card(msgspec.Struct, omit_defaults=True):
    """``kind``: live or replay; ``captures``: absolute paths of what was read, ``-`` for standard input; ``log`` and
    ``evidence``: where these are, when they are outside the folder; ``first`` and ``last``: time of the first and last
    packet (RFC 3339); ``complete``: false while a replay is running, and for good when it was cut off.
    """

    kind: str = LIVE
    name: str = ""
    captures: list[str] = []
    log: str = ""
    evidence: str = ""
    first: str = ""
    last: str = ""
    complete: bool = True


def read_card(folder: Path) -> Card | None:
    """None when the folder has none, or one that is damaged: the other files are then all that is known.
    PermissionError.
    """
    try:
        card = msgspec.json.decode((folder / FILE).read_bytes(), type=Card)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    return card if card.kind in (LIVE, REPLAY) else None


def completed(card: Card, first: str, last: str) -> Card:
    """The card of a replay that is at its end: from when to when it reached (RFC 3339; empty when it had no packet)."""
    return msgspec.structs.replace(card, first=first, last=last, complete=True)


def write_card(folder: Path, card: Card) -> None:
    """In one step. OSError."""
    temporary = folder / f".{FILE}.{os.getpid()}"
    try:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
        temporary.replace(folder / FILE)
    finally:
        temporary.unlink(missing_ok=True)
