"""Names of device types for readers, in tables and in sentences. Filters, the API, CSV and SQL use the types themselves
(``core/device.py``).
"""

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
    "door_access": "door controller",
    "signage": "display",
    "medical": "medical device",
    "building": "building controller",
    "industrial": "industrial device",
    "iot": "IoT device",
}
# Types whose plural is not formed with an s.
_PLURALS = {"nas": "NAS", "ups": "UPS", "switch": "switches"}
_VOWELS = ("a", "e", "i", "I", "o", "unknown")


def type_label(kind: str) -> str:
    """``voip_phone`` → ``VoIP phone``."""
    return LABELS.get(kind) or kind.replace("_", " ")


def a_type(kind: str) -> str:
    """``a VoIP phone``, ``an access point``."""
    label = type_label(kind)
    return f"{'an' if label.startswith(_VOWELS) else 'a'} {label}"


def type_plural(kind: str) -> str:
    """``VoIP phones``, ``switches``."""
    return _PLURALS.get(kind) or f"{type_label(kind)}s"


def types_counted(kind: str, count: int) -> str:
    """``1 VoIP phone``, ``2,300 switches``."""
    return f"{count:,} {type_label(kind) if count == 1 else type_plural(kind)}"
