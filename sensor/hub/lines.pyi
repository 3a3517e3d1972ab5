from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=tuple[Any, ...])
LINE_LIMIT: int

def moment(text: str) -> datetime | None: ...
def events_of(
    numbers: list[int],
    lines: list[bytes],
    decode: Callable[[bytes], Any],
    kind: type[Kind],
    latest: datetime,
    other: Callable[[int, bytes], Kind],
) -> list[Kind]: ...
