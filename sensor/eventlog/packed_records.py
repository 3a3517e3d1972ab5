"""Records kept as JSON: less than half of the memory of their objects."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class PackedRecords(MutableMapping[str, dict[str, Any]]):
    """Records by id, in the order of a dict. A record that is read is a copy: store it again after a change."""

    __slots__ = ("_packed",)

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> dict[str, Any]:
        return _decode(self._packed[name])

    def __setitem__(self, name: str, record: dict[str, Any]) -> None:
        self._packed[name] = _encode(record)

    def __delitem__(self, name: str) -> None:
        del self._packed[name]

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)
