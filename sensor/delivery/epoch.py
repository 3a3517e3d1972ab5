"""Epoch: the identity of a log, for destinations that count its numbers. Kept in ``<log>.cursors/NAME.epoch``.

Numbers begin again where a log is replaced; a receiver that holds number 100 of the earlier log must not take number
100 of the new one for it. The epoch outlives the position: a position that is lost makes everything come again under
the same epoch, so that the receiver recognises it.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from sensor.delivery.position import replace_file

_EPOCH = re.compile(r"[0-9a-f]{16}")


class Epoch:
    """``text``: 16 hexadecimal digits."""

    def __init__(self, position: Path) -> None:
        """``position``: the file of the output's position. OSError where the epoch cannot be read or written."""
        self._path = position.with_suffix(".epoch")
        try:
            self.text = self._path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            self.text = ""
        if not _EPOCH.fullmatch(self.text):
            self.renew()

    def renew(self) -> None:
        """Another epoch, durably. OSError where it cannot be written."""
        self.text = secrets.token_hex(8)
        replace_file(self._path, self.text.encode() + b"\n", durable=True)
