"""Approximate matches of DHCP parameter request lists: the same codes in another order, or one or two codes more, fewer
or different. They have less weight.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.fingerprinting.entries import Fingerprint

SAME_CODES = 0.5
FEW_EDITS = 0.3
EDITS = 2
# Shorter lists are similar to too many others.
SAME_CODES_MINIMUM = 6
EDITS_MINIMUM = 9

Codes = tuple[int, ...]


class ApproximateLists:
    """Known lists with approximate lookup."""

    def __init__(self) -> None:
        self._lists: list[tuple[int, Codes, Fingerprint]] = []

    def add(self, value: str, fingerprint: Fingerprint) -> None:
        codes = codes_of(value)
        self._lists.append((_bits(codes), codes, fingerprint))

    def find(self, value: str) -> Iterator[tuple[Fingerprint, float]]:
        """(fingerprint, weight) of the nearest: those with the same codes, otherwise those within a few edits. Empty
        for short lists.
        """
        codes = codes_of(value)
        if len(codes) < SAME_CODES_MINIMUM:
            return
        bits = _bits(codes)
        same = [
            fingerprint
            for known_bits, known, fingerprint in self._lists
            if known_bits == bits and len(known) == len(codes)
        ]
        if same:
            for fingerprint in same:
                yield fingerprint, SAME_CODES
        elif len(codes) >= EDITS_MINIMUM:
            for known_bits, known, fingerprint in self._lists:
                if (
                    (known_bits ^ bits).bit_count() <= 2 * EDITS
                    and len(known) >= EDITS_MINIMUM
                    and within(known, codes, EDITS)
                ):
                    yield fingerprint, FEW_EDITS


def codes_of(value: str) -> Codes:
    """The option codes of a list in wire order; empty if the text is invalid."""
    parts = value.split(",")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts) else ()


def _bits(codes: Codes) -> int:
    """A set of codes as bits of a number."""
    bits = 0
    for code in codes:
        bits |= 1 << code
    return bits


def within(one: Codes, other: Codes, edits: int) -> bool:
    """Whether the edit distance of two lists is at most ``edits`` (only the middle band of the table is computed)."""
    if abs(len(one) - len(other)) > edits:
        return False
    far = edits + 1
    before = [column if column <= edits else far for column in range(len(other) + 1)]
    for row, code in enumerate(one, 1):
        now = [far] * (len(other) + 1)
        if row <= edits:
            now[0] = row
        for column in range(max(1, row - edits), min(len(other), row + edits) + 1):
            now[column] = min(
                before[column - 1] + (code != other[column - 1]), before[column] + 1, now[column - 1] + 1, far
            )
        before = now
    return before[len(other)] <= edits
