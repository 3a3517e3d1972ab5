"""Host names that contain the MAC of their sender: evidence that the vendor chose the name, and that it is neither
relayed nor copied.
"""

from __future__ import annotations

import re

from sensor.core.lazy_pattern import lazy_pattern

KIND = "hostname.own_mac"
SHORT = 6

_SEPARATORS = lazy_pattern(r"(?<=[0-9a-f]{2})[:.-](?=[0-9a-f]{2})", re.IGNORECASE)


def own_mac_name(name: str, mac: int) -> str:
    """The name with the sender's MAC written ``<mac>``, or its last six digits ``<mac6>``: a value of kind
    ``hostname.own_mac``. Empty for neither.
    """
    if not mac:
        return ""
    digits = f"{mac:012x}"
    # Most names contain no part of it, with or without separators.
    if digits[-SHORT:] not in name.lower().replace("-", "").replace(":", "").replace(".", ""):
        return ""
    for text in (name.split(".", 1)[0], _SEPARATORS.sub("", name)):
        lower = text.lower()
        for part, written in ((digits, "<mac>"), (digits[-SHORT:], "<mac6>")):
            at = lower.find(part)
            if at >= 0 and lower != part:
                return (text[:at] + written + text[at + len(part) :]).split(".", 1)[0]
    return ""
