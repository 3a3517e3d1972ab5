"""Floods of spoofed source MACs: an engine under flood, a real crowd, repetition."""

from __future__ import annotations

import random
from collections import Counter

from sensor.config import load_config
from sensor.core.addresses import mac_text
from sensor.core.event import SenderFlood
from sensor.core.packet import Packet
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.runtime.assembly import assemble
from tests.detectors.stories import START, detector, inspected, one
from tests.kit import batch_of, ethernet

FLOOD = "impact.sender_flood"
REAL = [0x0017C8000001 + n for n in range(20)]
ARP = 0x0806


def arp(mac: int, address: int) -> bytes:
    """An ARP request for the router."""
    sender = mac.to_bytes(6, "big") + bytes((10, 0)) + address.to_bytes(2, "big")
    return ethernet(b"\0\1\x08\0\6\4\0\1" + sender + bytes(6) + bytes((10, 0, 0, 1)), ARP, src=mac, dst=(1 << 48) - 1)


def reported(frames: list[bytes], times: list[int]) -> list[Record]:
    records: list[Record] = []
    pipeline = assemble(load_config(None), records.append)
    pipeline.process(batch_of(frames, times=times))
    pipeline.finish()
    assert not pipeline.boundary.faults
    return records


def test_a_flood_is_one_alert_and_no_devices() -> None:
    """20,000 spoofed MACs within two seconds are one alert and no devices; the twenty real hosts remain."""
    random.seed(1)
    made_up = [random.getrandbits(40) for _ in range(20_000)]
    frames = [arp(mac, n + 10) for n, mac in enumerate(REAL)] + [arp(mac, n & 0xFFFF) for n, mac in enumerate(made_up)]
    frames += [arp(mac, n + 10) for n, mac in enumerate(REAL)]
    times = (
        [START] * 20 + [START + 3 * SECOND + n * SECOND // 10_000 for n in range(20_000)] + [START + 6 * SECOND] * 20
    )
    records = reported(frames, times)
    [alert] = [record.alert for record in records if (record.kind, record.action) == ("alert", "open")]
    assert alert is not None
    assert (alert["detector"], alert["numbers"]["senders"]) == (FLOOD, 2000)
    new = [
        record.device["macs"][0]
        for record in records
        if (record.kind, record.action) == ("device", "new") and record.device
    ]
    assert Counter(new) == Counter(map(mac_text, REAL))


def test_a_crowd_that_comes_within_a_minute_is_real() -> None:
    """A scan with 600 answers within a second, and as many hosts later, are real devices without an alert."""
    frames = [arp(0x0017C8000000 + n, n) for n in range(1_200)]
    records = reported(frames, [START + (n // 600) * 30 * SECOND for n in range(1_200)])
    assert Counter(record.kind for record in records) == {"device": 1_200}
    assert {record.action for record in records} == {"new"}


def test_it_is_reported_once_an_hour() -> None:
    """Repeated floods are one alert an hour; another VLAN is another alert."""
    events = [SenderFlood(Packet(ts=START + n * 60 * SECOND, src_mac=n), 1000) for n in range(30)]
    alert = one(inspected(detector(FLOOD), events))
    assert alert.numbers["senders"] == 1000
    assert len(inspected(detector(FLOOD), [*events, SenderFlood(Packet(ts=START, vlan=7), 1000)])) == 2
