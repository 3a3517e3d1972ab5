"""What workers answer to requests of sensors: how far the hub is, enrolment, renewal."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

import msgspec

from sensor.hub import sensors
from sensor.hub.database import Connection
from sensor.hub.intake import multirange
from sensor.hub.quarantine import reasons
from sensor.outputs._hub_messages import Admission, Answer, Joining, Part, Question, State
from sensor.outputs._nkeys import KeyPair

# Of one question.
BATCHES = 1000
_LOG: LiteralString = "SELECT coalesce(upper(committed) - 1, 0), wanted FROM logs WHERE sensor = %s AND epoch = %s"
_HOLDS: LiteralString = """
SELECT p.place, p.runs::int8multirange <@ l.committed FROM logs l, unnest(%s::text[]) WITH ORDINALITY p (runs, place)
WHERE l.sensor = %s AND l.epoch = %s ORDER BY p.place"""


def standing(base: Connection, key: str, question: Question) -> Answer:
    """How far the hub is in a log of a sensor, and what became of its batches."""
    batches = question.batches[:BATCHES]
    row = base.execute(_LOG, [key, question.epoch]).fetchone()
    high, wanted = row if row is not None else (0, None)
    quarantined = reasons(base, key, [part.id for part in batches])
    whole = [multirange(part.runs) for part in batches]
    held = [row[1] for row in base.execute(_HOLDS, [whole, key, question.epoch])] or [False] * len(batches)
    return Answer(high, wanted, [_state(*each, quarantined) for each in zip(batches, held, strict=True)])


def _state(part: Part, held: bool, quarantined: dict[str, str]) -> State:
    """A batch that was quarantined once may have been accepted since."""
    if held:
        return State(part.id, "committed")
    reason = quarantined.get(part.id, "")
    return State(part.id, "quarantined" if reason else "unknown", reason)


def answered(base: Connection, account: KeyPair, kind: str, key: str, body: bytes, now: datetime) -> bytes:
    """The answer to one request, ``kind`` being ask, join or renew. A request that cannot be read gets a refusal."""
    if kind == "ask":
        with base.transaction():
            return msgspec.json.encode(standing(base, key, msgspec.json.decode(body, type=Question)))
    if kind == "join":
        return msgspec.json.encode(sensors.admit(base, account, key, msgspec.json.decode(body, type=Joining), now))
    with base.transaction():
        return msgspec.json.encode(sensors.admission(base, account, key, now))


def unreadable() -> bytes:
    return msgspec.json.encode(Admission("refused", reason="the request cannot be read"))
