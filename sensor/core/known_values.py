"""Values that fields of devices and alerts can have. In a filter, another value is a mistake, not a search without
matches: commands, console, API and hub refuse it and name the valid ones.
"""

from __future__ import annotations

from sensor.core.device import TYPES
from sensor.core.severities import SEVERITIES

# Numbers of VLANs (IEEE 802.1Q), 0 for frames without a tag, and of ports.
VLANS = range(4095)
PORTS = range(65536)
# Detections of the operator's own rules, which may be added at any time.
CUSTOM = "custom."
KNOWN = {
    "type": tuple(TYPES),
    "severity": SEVERITIES,
    "criticality": ("critical", "high", "medium", "low", "none"),
}
