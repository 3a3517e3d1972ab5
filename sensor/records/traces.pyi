from __future__ import annotations

LETTERS: str
