from __future__ import annotations

from sensor.native.layout import Layout

class View:
    def __init__(self, layout: Layout) -> None: ...
