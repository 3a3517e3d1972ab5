"""Secrets that this process has read. Whatever is written for people has them taken out: an error of a library may
quote what it was given.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from sensor.core.bounded import Bounded

MASK = "•••"
# Shorter ones occur in too many texts: masking them would make logs unreadable. A short path of a URL is not masked
# either.
SHORTEST, SHORTEST_PART = 4, 12
_KNOWN: Bounded[str, bool] = Bounded(256)


def hide(secret: str) -> None:
    """From now on it is masked, as it is and as URLs write it; of a URL also what follows its host."""
    for one in _forms(secret):
        if len(one) >= SHORTEST:
            _KNOWN.put(one, True)


def masked(text: str) -> str:
    """The text without the secrets that are known."""
    for one in sorted(_KNOWN, key=len, reverse=True):
        if one in text:
            text = text.replace(one, MASK)
    return text


def _forms(secret: str) -> set[str]:
    forms = {secret, quote(secret), quote(secret, safe="")}
    if "://" in secret:
        try:
            parts = urlsplit(secret)
        except ValueError:
            return forms
        forms |= {one for one in (parts.path.strip("/"), parts.query) if len(one) >= SHORTEST_PART} | {
            parts.password or ""
        }
    return forms
