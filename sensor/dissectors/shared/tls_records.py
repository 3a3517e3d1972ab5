"""Records of TLS (RFC 8446, 5.1) in a stream whose content is encrypted: their sizes."""

from __future__ import annotations

APPLICATION, KINDS = 23, range(20, 25)
HEAD, RECORD_LIMIT = 5, 16384 + 2048
LOST_LIMIT = 8_192  # bytes of segments without the beginning of a record


class Records:
    """The position in the records of one direction. ``other``: it does not consist of records."""

    __slots__ = ("_head", "_left", "_lost", "_misses", "other")

    def __init__(self, *, at_record: bool) -> None:
        """``at_record``: the direction begins at a record; otherwise the first one is searched for."""
        self._head = bytearray()
        self._left = self._misses = 0
        self._lost, self.other = not at_record, False

    def begun(self, data: bytes) -> list[int]:
        """Sizes of the records of application data that begin in these bytes."""
        sizes: list[int] = []
        at = 0
        if self._lost:
            self._lost = not (len(data) >= HEAD and data[0] in KINDS and data[1] == 3)
            self._misses += len(data) if self._lost else 0
            self.other = self._misses > LOST_LIMIT
        while at < len(data) and not self.other and not self._lost:
            if self._left:
                rest = min(self._left, len(data) - at)
                self._left -= rest
                at += rest
                continue
            part = data[at : at + HEAD - len(self._head)]
            self._head += part
            at += len(part)
            if len(self._head) == HEAD and self._begin() == APPLICATION:
                sizes.append(self._left)
        return sizes

    def _begin(self) -> int:
        """The type of the record whose header is complete."""
        kind, self._left = self._head[0], self._head[3] << 8 | self._head[4]
        self.other = kind not in KINDS or self._head[1] != 3 or self._left > RECORD_LIMIT
        self._head.clear()
        return kind

    def gap(self, missing: int) -> None:
        """Bytes are missing: records continue behind them if they all belong to the current one."""
        self._lost = self._lost or missing > self._left
        self._left = max(self._left - missing, 0)
        self._head.clear()
