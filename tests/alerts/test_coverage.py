"""Alerts whose packets the capture shows in part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from sensor.alerts.coverage import TALKING_BYTES, marked
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.stored import Stored
from tests.alerts.test_scoring import made

[FLOW] = made().proof
ONE_WAY = {"server_packets": 0, "client_bytes": TALKING_BYTES}


def flow(**more: Any) -> Any:
    return msgspec.structs.replace(FLOW, **more)


def event(problem: int = 0) -> Event:
    return Event(Packet(problem=problem))


@dataclass
class Case:
    proof: tuple[Any, ...]
    lacks: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "case",
    [
        Case((event(),)),
        Case((event(Problem.ONE_SIDED),), ("one_way",)),
        Case((event(Problem.CUT),), ("truncated",)),
        Case((event(Problem.CUT), event(Problem.CUT | Problem.ONE_SIDED)), ("truncated", "one_way")),
        Case((FLOW,)),
        Case((flow(**ONE_WAY),), ("one_way",)),
        Case((flow(**ONE_WAY | {"client_bytes": TALKING_BYTES - 1}),)),
        Case((flow(**ONE_WAY | {"server_packets": 1}),)),
        Case((flow(**ONE_WAY, proto=17),)),
        Case((Stored(1, "conn", Subject(1), Subject(2)),)),
    ],
)
def test_what_the_capture_lacks(case: Case) -> None:
    """Each lack is listed once, with a reason. A UDP flow without answers, a short attempt and a row of the records are
    complete.
    """
    alert = msgspec.structs.replace(made(), proof=case.proof)
    found = marked(alert)
    assert found.incomplete == case.lacks
    assert len(found.why) == len(alert.why) + len(case.lacks)
