"""Texts: names of device types, counts and times, for sentences of a report."""

from __future__ import annotations

from sensor.core.phrases import counted
from sensor.core.type_labels import type_label, types_counted


def clock(ts: str) -> str:
    """A time to the minute."""
    return ts[:16].replace("T", " ")


def kind(singular: str) -> str:
    """``voip_phone`` → ``VoIP phone``."""
    return "unknown device" if singular == "unknown" else type_label(singular)


def kinds(singular: str, count: int) -> str:
    """``5 VoIP phones``."""
    return counted(count, kind(singular)) if singular == "unknown" else types_counted(singular, count)


def listed(texts: list[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)


def shorter(text: str, limit: int = 180) -> str:
    """A sentence that may come from a peer, truncated at a space."""
    return text if len(text) <= limit else f"{text[:limit].rsplit(' ', 1)[0]} …"


def sentence(text: str) -> str:
    """The same as the end of a sentence: a truncated text has no full stop."""
    short = shorter(text)
    return short if short.endswith("…") else f"{short}."
