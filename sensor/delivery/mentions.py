"""Mentions: occurrences of values within texts, whole and in the spellings that names, serial numbers and sentences
use.

Values are found by plain search, and the adjacent characters are checked then: peers may choose values and texts, and
regular expressions over hundreds of values would take seconds for one record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

# Shorter values are not searched for: they occur everywhere.
SHORTEST = 3

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_IPV6 = re.compile(r"[0-9a-f.]*:[0-9a-f:.]+")
# Characters that, next to a value, make it part of a longer value of its kind.
_DIGITS, _HEX, _WORD = "0-9", "0-9a-f", "0-9a-z_-"
_BESIDE = {signs: re.compile(f"[{signs}]").fullmatch for signs in (_DIGITS, _HEX, _WORD)}
_APART = {signs: re.compile(f"[^{signs}]").search for signs in (_DIGITS, _HEX, _WORD)}


class _Needle(NamedTuple):
    """A spelling of a value in lower case. ``signs``: characters that must not be adjacent; ``begins``, ``ends``:
    whether the value itself begins or ends with one of them.
    """

    text: str
    mark: str
    signs: str
    begins: bool
    ends: bool


class Mentions:
    """``marks``: replacement of each value."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        self._marks = marks
        needles = (
            needle for value, mark in marks.items() if len(value) >= SHORTEST for needle in _needles(small(value), mark)
        )
        self._needles = list({needle.text: needle for needle in needles}.values())

    def among(self, texts: Iterable[str]) -> Mentions | None:
        """Itself, limited to these texts; None if none of them has a mention."""
        whole = small("\n".join(texts))
        self._needles = [needle for needle in self._needles if needle.text in whole]
        return self if self._needles else None

    def replaced(self, text: str) -> str:
        """The text with its mentions replaced; of overlapping ones the first, and of those the longest."""
        folded = small(text)
        found = sorted(
            (at, -len(needle.text), needle.mark) for needle in self._needles for at in _places(folded, needle)
        )
        parts, done = [], 0
        for at, length, mark in found:
            if at >= done:
                parts += [text[done:at], self._marks.get(text[at : at - length], mark)]
                done = at - length
        return "".join([*parts, text[done:]]) if parts else text


def small(text: str) -> str:
    """In lower case, character by character, so that offsets stay the same."""
    if text.isascii():
        return text.lower()
    return "".join([one if len(one := sign.casefold()) == 1 else sign for sign in text])


def _needles(value: str, mark: str) -> Iterator[_Needle]:
    spellings: tuple[str, ...] = (value,)
    signs = _HEX if _IPV6.fullmatch(value) else _WORD
    if _IPV4.fullmatch(value):
        spellings, signs = (value, value.replace(".", "-")), _DIGITS
    elif _MAC.fullmatch(value):
        bare = value.replace(":", "")
        spellings, signs = (value, value.replace(":", "-"), bare, ".".join((bare[:4], bare[4:8], bare[8:]))), _HEX
    joins = _BESIDE[signs]
    for one in spellings:
        yield _Needle(one, mark, signs, bool(joins(one[0])), bool(joins(one[-1])))


def _places(folded: str, needle: _Needle) -> Iterator[int]:
    """Offsets where it occurs as a whole, not as part of a longer value of its kind."""
    joins, at = _BESIDE[needle.signs], folded.find(needle.text)
    while at >= 0:
        end, on = at + len(needle.text), at + 1
        if needle.begins and at and joins(folded[at - 1]):
            # The next match cannot begin before the end of the longer value.
            apart = _APART[needle.signs](folded, at)
            on = apart.start() if apart else len(folded)
        elif not (needle.ends and joins(folded[end : end + 1])) and not (
            needle.signs == _DIGITS and _dotted(folded, at, end)
        ):
            yield at
            on = end
        at = folded.find(needle.text, on)


def _dotted(folded: str, at: int, end: int) -> bool:
    """Whether more numbers surround an IPv4 address, as in an SNMP object identifier."""
    return any(
        two[:1] == "." and two[1:].isdecimal() for two in (folded[max(0, at - 2) : at][::-1], folded[end : end + 2])
    )
