"""Responses of workers to requests of sensors: committed numbers, enrolment, renewal, configuration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import LiteralString, TypeVar

import msgspec

from sensor.hub import configurations, releases, rollouts, sensors
from sensor.hub.database import Connection
from sensor.hub.intake import multirange
from sensor.hub.quarantine import reasons
from sensor.outputs.hub_protocol.certificates import sign_operator
from sensor.outputs.hub_protocol.messages import (
    Admission,
    Answer,
    FilePart,
    Joining,
    Offer,
    Part,
    Question,
    Report,
    State,
)
from sensor.outputs.transport.nkeys import KeyPair

Message = TypeVar("Message", bound=msgspec.Struct)
KINDS = ("ask", "join", "renew", "configure", "file")
# Limit of batches in one question.
BATCHES = 1000
_LOG: LiteralString = "SELECT coalesce(upper(committed) - 1, 0), wanted FROM logs WHERE sensor = %s AND epoch = %s"
_HOLDS: LiteralString = """
SELECT p.place, p.runs::int8multirange <@ l.committed FROM logs l, unnest(%s::text[]) WITH ORDINALITY p (runs, place)
WHERE l.sensor = %s AND l.epoch = %s ORDER BY p.place"""


def standing(base: Connection, key: str, question: Question) -> Answer:
    """The committed numbers of a sensor's log, and the state of its batches."""
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


class Answers:
    """``account``: signs users of sensors; ``operator``: public key that signs configuration, empty: not known."""

    def __init__(self, account: KeyPair, operator: str) -> None:
        self._account, self._operator = account, operator

    def answer(self, base: Connection, kind: str, key: str, body: bytes, now: datetime) -> bytes:
        """The response to one request of a sensor. ``kind``: one of KINDS. Raises msgspec.MsgspecError if it cannot be
        decoded.
        """
        with base.transaction():
            return self._answers[kind](base, key, body, now)

    @property
    def _answers(self) -> dict[str, Callable[[Connection, str, bytes, datetime], bytes]]:
        return {
            "ask": lambda base, key, body, _: _json(standing(base, key, _read(body, Question))),
            "join": lambda base, key, body, now: self._joined(base, key, _read(body, Joining), now),
            "renew": lambda base, key, _, now: self._admitted(sensors.admission(base, self._account, key, now), key),
            "configure": lambda base, key, body, now: _json(_offered(base, key, _read(body, Report), now)),
            "file": lambda base, key, body, _: _part(base, key, _read(body, FilePart)),
        }

    def _joined(self, base: Connection, token: str, requested: Joining, now: datetime) -> bytes:
        return self._admitted(sensors.admit(base, self._account, token, requested, now), requested.key)

    def _admitted(self, made: Admission, key: str) -> bytes:
        """The response with the operator's key, signed for the sensor with this public key."""
        signature = sign_operator(self._operator, self._account, key) if self._operator else ""
        return _json(msgspec.structs.replace(made, operator=self._operator, operator_signature=signature))


def _offered(base: Connection, key: str, report: Report, now: datetime) -> Offer:
    """The configuration of a sensor, and the release that it is to install."""
    offer = configurations.offer(base, key, report)
    if report.upgrade is not None and not offer.reason:
        offer.upgrade = rollouts.answer(base, key, report.upgrade, now)
    return offer


def _part(base: Connection, key: str, requested: FilePart) -> bytes:
    """A part of a configuration file or of a package."""
    return configurations.file_part(base, key, requested) or releases.package_part(base, key, requested)


def _read(body: bytes, kind: type[Message]) -> Message:
    return msgspec.json.decode(body, type=kind)


def _json(message: msgspec.Struct) -> bytes:
    return msgspec.json.encode(message)


def unreadable() -> bytes:
    return msgspec.json.encode(Admission("refused", reason="the request is invalid"))
