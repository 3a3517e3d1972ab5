from __future__ import annotations

from sensor.native.stream import NativeStream

UNIT: NativeStream
