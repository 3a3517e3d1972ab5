"""Pings of a monitoring system as packets: each of its rounds is known as such, at any of the usual intervals."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from sensor.config import load_config
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.runtime.assembly import assemble
from tests.kit import batch_of, ethernet, ipv4

MONITORING, HOSTS, DURATION = "10.0.0.9", 60, 1500
Sent = tuple[int, bytes]


def echo(src: str, dst: str, kind: int, number: int) -> bytes:
    """An echo request or reply with the data of ping(8) on Linux."""
    return ethernet(ipv4(struct.pack("!BBHHH", kind, 0, 0, 7, number) + bytes(range(56)), 1, src, dst), 0x0800)


def rounds(every: int, of: range) -> Iterator[Sent]:
    """The times (ns) and frames of pings of all hosts in each of the rounds ``of``; every twentieth host is off."""
    for number in of:
        for host in range(HOSTS):
            at, address = (1 + number * every) * SECOND + host * SECOND // 20, f"10.0.5.{host + 1}"
            yield at, echo(MONITORING, address, 8, number)
            if host % 20:
                yield at + 1_000_000, echo(address, MONITORING, 0, number)


def sweeps(sent: list[Sent]) -> list[str]:
    """The severities of the reported ping sweeps."""
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append)
    pipeline.process(batch_of([frame for _, frame in sent], times=[at for at, _ in sent]))
    pipeline.finish()
    detectors = [(record.alert["detector"], record.severity) for record in reported if record.kind == "alert"]
    return [severity for detector, severity in detectors if detector == "discovery.icmp_sweep"]


@pytest.mark.parametrize("every", [10, 15, 30, 60, 110, 300])
def test_monitoring_stays_low(every: int) -> None:
    assert sweeps(list(rounds(every, range(DURATION // every)))) == ["low"]


def test_a_sweep_that_is_not_repeated_is_medium() -> None:
    """Another host sends pings meanwhile, so that time passes."""
    other = [(second * SECOND, echo("10.0.0.10", "10.0.0.11", 8, second)) for second in range(10, DURATION)]
    assert sweeps([*rounds(60, range(1)), *other]) == ["low", "medium"]
