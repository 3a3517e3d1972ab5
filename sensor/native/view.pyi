from __future__ import annotations

from sensor.native.layout import Layout
from sensor.native.out import Messages

class View:
    def __init__(self, layout: Layout) -> None: ...
    def of(self, messages: Messages, at: int) -> object: ...
