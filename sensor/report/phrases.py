"""Texts: names of device types and counts of things, for sentences of a report."""

from __future__ import annotations

# Types that are called otherwise than their word with blanks: (one, several).
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


def kind(word: str) -> str:
    """``voip_phone`` → ``VoIP phone``."""
    return _TYPES[word][0] if word in _TYPES else word.replace("_", " ")


def kinds(word: str, count: int) -> str:
    """``5 VoIP phones``."""
    one, several = _TYPES.get(word) or (kind(word), f"{kind(word)}s")
    return counted(count, one, several)


def counted(count: int, word: str, words: str = "") -> str:
    """``1 device``, ``2,300 devices``."""
    return f"{count:,} {word if count == 1 else words or f'{word}s'}"


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def shorter(text: str, limit: int = 180) -> str:
    """A sentence that may come from a peer, cut at a space."""
    return text if len(text) <= limit else f"{text[:limit].rsplit(' ', 1)[0]} …"
