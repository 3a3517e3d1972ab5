"""Secrets that this process has read. They are masked in all text for users: a library's error may quote its input."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from sensor.core.bounded import Bounded

MASK = "•••"
# Shorter secrets occur in too many texts: masking them would make logs unreadable. Short URL paths are not masked for
# the same reason.
SHORTEST, SHORTEST_PART = 4, 12
_KNOWN: Bounded[str, bool] = Bounded(256)


def hide(secret: str) -> None:
    """From now on mask this secret, verbatim and URL-encoded; of a URL also the part after the host."""
    for one in _forms(secret):
        if len(one) >= SHORTEST:
            _KNOWN.put(one, True)


def masked(text: str) -> str:
    """The text with the known secrets masked."""
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
