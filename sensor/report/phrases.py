"""Texts: names of device types and counts, for sentences of a report."""

from __future__ import annotations

# Types whose names differ from their ids with blanks: (singular, plural).
_TYPES = {
    "voip_phone": ("VoIP phone", "VoIP phones"),
    "tv": ("TV", "TVs"),
    "nvr": ("video recorder", "video recorders"),
    "conferencing": ("conferencing system", "conferencing systems"),
    "nas": ("NAS", "NAS"),
    "ups": ("UPS", "UPS"),
    "switch": ("switch", "switches"),
    "mobile": ("mobile phone", "mobile phones"),
    "door_access": ("door control", "door controls"),
    "signage": ("display", "displays"),
    "medical": ("medical device", "medical devices"),
    "building": ("building control", "building controls"),
    "industrial": ("industrial control", "industrial controls"),
    "iot": ("IoT device", "IoT devices"),
    "unknown": ("unknown device", "unknown devices"),
}


def kind(singular: str) -> str:
    """``voip_phone`` → ``VoIP phone``."""
    return _TYPES[singular][0] if singular in _TYPES else singular.replace("_", " ")


def kinds(singular: str, count: int) -> str:
    """``5 VoIP phones``."""
    one, several = _TYPES.get(singular) or (kind(singular), f"{kind(singular)}s")
    return counted(count, one, several)


def counted(count: int, singular: str, plural: str = "") -> str:
    """``1 device``, ``2,300 devices``."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def listed(texts: list[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)


def shorter(text: str, limit: int = 180) -> str:
    """A sentence that may come from a peer, truncated at a space."""
    return text if len(text) <= limit else f"{text[:limit].rsplit(' ', 1)[0]} …"
