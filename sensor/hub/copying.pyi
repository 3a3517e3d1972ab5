from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

EVENTS: tuple[str, ...]
KINDS: dict[str, int]
LISTED: int
SIGNATURE: bytes
TRAILER: bytes

def encoded_events(placed: Iterable[tuple[Any, Any]]) -> bytearray: ...
def encoded(rows: Iterable[Sequence[Any]], types: Sequence[str]) -> bytearray: ...
