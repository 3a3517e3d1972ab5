"""Names of device types for readers. Filters, the API, CSV and SQL use the types themselves (``core/device.py``)."""

from __future__ import annotations

# Types whose names differ from them with blanks.
LABELS = {
    "voip_phone": "VoIP phone",
    "tv": "TV",
    "nvr": "video recorder",
    "conferencing": "conferencing system",
    "nas": "NAS",
    "ups": "UPS",
    "mobile": "mobile phone",
    "door_access": "door control",
    "signage": "display",
    "medical": "medical device",
    "building": "building control",
    "industrial": "industrial control",
    "iot": "IoT device",
}


def type_label(kind: str) -> str:
    """``voip_phone`` → ``VoIP phone``."""
    return LABELS.get(kind) or kind.replace("_", " ")
