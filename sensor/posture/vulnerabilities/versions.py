"""Order of firmware versions, as far as it is certain: *less*, *equal*, *greater*, or *unknown*. Never a guess.

A scheme (``schemes.py``) parses a text into a track and tokens, alternating numbers and words. Versions of different
tracks are not compared: a fix on one does not apply to another. Numbers are compared by value, missing ones are treated
as 0. A missing word is older than a word for later releases (``SR6``, ``HF2``) or a single letter at the end
(``1.2a``); the order of other words (``beta``, ``rc``, ``build``) is unknown.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple

TEXT_LIMIT = 128
TOKENS_LIMIT = 24
# Words for releases after the one with the same number.
LATER = frozenset("sr sp hf fp p r u m h es patch hotfix update rev".split())

Token = int | str


class Order(enum.Enum):
    """Order of two versions."""

    LESS = "less"
    EQUAL = "equal"
    GREATER = "greater"
    UNKNOWN = "unknown"

    @property
    def reverse(self) -> Order:
        return {Order.LESS: Order.GREATER, Order.GREATER: Order.LESS}.get(self, self)


class Version(NamedTuple):
    """A parsed version. ``track``: its branch, empty if the product has only one."""

    track: str
    tokens: tuple[Token, ...]


class Scheme(NamedTuple):
    """Version scheme of a family. ``whole``: versions are always complete, so that a short one is not an abbreviation;
    ``branches``: tracks branch from each other, so that numbers show where a track began; ``listed``: records list
    every affected version, so that others are not affected.
    """

    name: str
    read: Callable[[str], Version | None]
    whole: bool = False
    branches: bool = False
    listed: bool = False


def compare(scheme: Scheme, left: str, right: str) -> Order:
    """Order of ``left`` relative to ``right``."""
    one, other = scheme.read(left), scheme.read(right)
    if one is None or other is None or one.track != other.track:
        return Order.UNKNOWN
    return order(one.tokens, other.tokens)


def order(left: tuple[Token, ...], right: tuple[Token, ...]) -> Order:
    """Order of tokens regardless of tracks: the first difference decides."""
    for place, (one, other) in enumerate(zip_longest(left, right)):
        if one == other or {one, other} == {None, 0}:
            continue
        if isinstance(one, int | None) and isinstance(other, int | None):
            return Order.LESS if (one or 0) < (other or 0) else Order.GREATER
        if one is None:
            return _before(right, place)
        if other is None:
            return _before(left, place).reverse
        if isinstance(one, str) and isinstance(other, str) and _letter(left, place) and _letter(right, place):
            return Order.LESS if one < other else Order.GREATER
        return Order.UNKNOWN
    return Order.EQUAL


def _before(longer: tuple[Token, ...], place: int) -> Order:
    """Order of a version that ends before this token relative to one that continues with it."""
    return Order.LESS if longer[place] in LATER or _letter(longer, place) else Order.UNKNOWN


def _letter(tokens: tuple[Token, ...], place: int) -> bool:
    """Whether this is a single letter at the end."""
    token = tokens[place]
    return isinstance(token, str) and len(token) == 1 and place == len(tokens) - 1


def begins(short: Version, long: Version) -> bool:
    """Whether ``short`` may be an abbreviation of ``long``: 8.1 of 8.1.3. The rest must be more than zeros."""
    size = len(short.tokens)
    return short.tokens == long.tokens[:size] and any(long.tokens[size:])
