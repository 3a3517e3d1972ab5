from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

KINDS: dict[str, int]
SIGNATURE: bytes
TRAILER: bytes

def encoded(rows: Iterable[Sequence[Any]], types: Sequence[str]) -> bytearray: ...
