"""Quarantine: rejected batches, with the reason. They do not block other batches; the newest of each sensor
are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import LiteralString

from sensor.hub.batch import Message, Quarantined
from sensor.hub.database import Connection

KEPT = 1000
_PUT: LiteralString = """
INSERT INTO quarantine (id, subject, reason, detail, body) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (subject, id) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, at = now()"""
_DROP: LiteralString = """
DELETE FROM quarantine q USING (
    SELECT id, row_number() OVER (ORDER BY at DESC, id) AS place FROM quarantine WHERE subject = %(key)s
) o WHERE q.subject = %(key)s AND q.id = o.id AND o.place > %(kept)s"""
_COUNT: LiteralString = "UPDATE sensors SET quarantined = quarantined + %s WHERE key = %s"


def put_in_quarantine(base: Connection, refused: Sequence[tuple[Message, Quarantined]]) -> None:
    """Store rejected batches, within a transaction."""
    if not refused:
        return
    base.cursor().executemany(
        _PUT,
        [
            (message.id, message.key, error.reason, str(error.args[0]), message.body)
            for message, error in sorted(refused, key=lambda one: (one[0].key, one[0].id))
        ],
    )
    for key, count in sorted(Counter(message.key for message, _ in refused).items()):
        base.execute(_DROP, {"key": key, "kept": KEPT})
        base.execute(_COUNT, [count, key])


def reasons(base: Connection, key: str, ids: Sequence[str]) -> dict[str, str]:
    """Quarantine reasons of a sensor's batches, by their ids."""
    found = base.execute("SELECT id, reason FROM quarantine WHERE subject = %s AND id = ANY (%s)", [key, list(ids)])
    return {row[0]: row[1] for row in found}
