"""What happened after a record of the log: numbers of devices, alerts, incidents and recommendations, by action."""

from __future__ import annotations

import msgspec

from sensor.views.dataset import Data

# Later records are counted one by one, up to this limit.
COUNTED = 100_000
# Records about the sensor itself are on the page of its health.
_COUNTS = """
SELECT kind, action, count(DISTINCT about) FROM timeline WHERE seq > ? AND seq <= ? AND kind != 'sensor'
GROUP BY 1, 2 ORDER BY 1, 2
"""
_NOTED = "SELECT count(DISTINCT alert) FROM alert_words WHERE ts > ? AND author != ?"


class RecentChanges(msgspec.Struct, frozen=True):
    """``counts``: (kind, action, number of different ones), such as ``("alert", "open", 3)``; ``first``: time of
    the first one, ns; ``noted``: alerts with notes of other operators; ``more``: there are more records than COUNTED,
    of which only these were counted.
    """

    counts: list[tuple[str, str, int]]
    first: int
    noted: int
    more: bool


def since(data: Data, seq: int, ts: int, user: str) -> RecentChanges | None:
    """What happened after the record ``seq``, and the notes of others after ``ts`` (ns). None if the log was restarted,
    so that this is unknown.
    """
    last = data.position.seq
    if last < seq:
        return None
    rows = data.base.execute(_COUNTS, (seq, seq + COUNTED)).fetchall()
    noted = data.base.execute(_NOTED, (ts, user)).fetchone()[0]
    first = data.base.execute("SELECT ts FROM timeline WHERE seq > ? ORDER BY seq LIMIT 1", (seq,)).fetchone()
    counts = [(str(kind), str(action), int(count)) for kind, action, count in rows]
    return RecentChanges(counts, first[0] if first is not None else 0, noted, last > seq + COUNTED)
