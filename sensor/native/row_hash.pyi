from __future__ import annotations

PACKET_FIELDS: tuple[str, ...]
