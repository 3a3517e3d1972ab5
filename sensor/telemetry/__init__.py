"""The status of a running sensor. ``METRICS`` is the only description of all metrics: the served text and the
documentation are derived from it.
"""

from __future__ import annotations

from sensor.telemetry.metrics import METRICS, Metric

__all__ = ["METRICS", "Metric"]
