"""What a running sensor tells of itself. ``METRICS`` is the one description of every metric: what is served and what is
documented are made from it.
"""

from __future__ import annotations

from sensor.telemetry.metrics import METRICS, Metric

__all__ = ["METRICS", "Metric"]
