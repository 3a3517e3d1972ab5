from __future__ import annotations

class RowReader:
    def take(self) -> tuple[object, ...]: ...
