"""UDP service loops: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.flow import CHANGE, Change
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, alerts_of, detector, one

LOOP = "impact.service_loop"


def exchange(
    port: int,
    other: int,
    *,
    sent: int = 500,
    back: int = 500,
    seconds: int = 10,
    kind: int = Change.ENDED,
    times: int = 1,
    size: int = 60,
) -> npt.NDArray[np.void]:
    """A UDP flow between two ports, as it ends."""
    changes = np.zeros(times, CHANGE)
    changes["first"], changes["last"] = START, START + seconds * SECOND
    changes["ts"] = changes["last"] + np.arange(times) * SECOND
    changes["client_lo"], changes["server_lo"] = parse("10.0.0.30"), parse("10.0.0.31")
    changes["client_port"], changes["server_port"], changes["proto"], changes["kind"] = port, other, 17, kind
    changes["client_packets"], changes["server_packets"] = sent, back
    changes["client_bytes"], changes["server_bytes"] = size * sent, size * back
    changes["row"] = np.arange(times)
    return changes


def test_two_services_answer_each_other() -> None:
    """Chargen and echo, two TFTP servers, two time servers that send errors; also while it continues."""
    for ports in ((19, 7), (69, 69), (123, 123), (17, 13)):
        for kind in (Change.ENDED, Change.PROGRESS):
            alert = one(alerts_of(detector(LOOP), exchange(*ports, kind=kind)))
            assert (alert.actor.address, alert.actor_port, alert.target_port) == (parse("10.0.0.30"), *ports)
            assert (alert.numbers["packets"], alert.severity) == (500, Severity.medium)


def test_benign_twins_are_quiet() -> None:
    """A client of chargen, time servers that are peers for a day, many times, one side only, and few datagrams raise no
    alert.
    """
    for story in (
        exchange(40000, 19),
        exchange(123, 123, sent=1350, back=1350, seconds=86400),
        exchange(123, 123, size=90),
        exchange(19, 7, back=0),
        exchange(19, 7, sent=100, back=100),
        exchange(53, 53),
    ):
        assert alerts_of(detector(LOOP), story) == []


def test_repetition_is_reported_once_in_ten_minutes() -> None:
    assert len(alerts_of(detector(LOOP), exchange(19, 7, kind=Change.PROGRESS, times=300))) == 1
