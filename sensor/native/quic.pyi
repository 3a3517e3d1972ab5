from __future__ import annotations

from sensor.native.unit import Native

UNIT: Native
