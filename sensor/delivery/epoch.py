"""Epoch: the identity of a log, for destinations that track its numbers. Stored in ``<log>.cursors/NAME.epoch``.

Numbers start again when a log is replaced; a receiver that has number 100 of the earlier log must not confuse it with
number 100 of the new one. The epoch outlives the position: if the position is lost, everything is sent again under the
same epoch, so that the receiver recognizes it.
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
        """``position``: file of the output's position. Raises OSError if the epoch cannot be read or written."""
        self._path = position.with_suffix(".epoch")
        try:
            self.text = self._path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            self.text = ""
        if not _EPOCH.fullmatch(self.text):
            self.renew()

    def renew(self) -> None:
        """Create a new epoch, durably. Raises OSError if it cannot be written."""
        self.text = secrets.token_hex(8)
        replace_file(self._path, self.text.encode() + b"\n", durable=True)
