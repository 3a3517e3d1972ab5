"""Ids of records: they sort by time, and the rest is derived from the content."""

from __future__ import annotations

import functools

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two characters at a time: an id takes eight look-ups, and five for its time.
_PAIRS = [one + two for one in _CROCKFORD for two in _CROCKFORD]
_SHIFTS = range(30, -1, -10)
_TIME_SHIFTS = range(40, -1, -10)


def record_id(ts: int, digest: bytes) -> str:
    """26 characters of Crockford base32 that sort by time: 48 bits of milliseconds, then 80 bits of ``digest``. Times
    before 1970 count as 1970.
    """
    # Shifts of 40 bits take half the time of those of 80 bits.
    halves = (int.from_bytes(digest[:5], "big"), int.from_bytes(digest[5:10], "big"))
    content = "".join([_PAIRS[half >> shift & 1023] for half in halves for shift in _SHIFTS])
    return _time_part(max(ts // 1_000_000, 0)) + content


@functools.lru_cache(maxsize=64)
def _time_part(milliseconds: int) -> str:
    return "".join([_PAIRS[milliseconds >> shift & 1023] for shift in _TIME_SHIFTS])
