"""Units of packet time, in nanoseconds, and durations as text."""

MICROSECOND = 1_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def duration_text(seconds: float) -> str:
    """``6 d 22 h``: the two largest units that are not zero."""
    left, parts = round(seconds), []
    for name, size in _UNITS:
        parts += [f"{left // size} {name}"] if left >= size else []
        left %= size
    return " ".join(parts[:2]) or "0 s"
