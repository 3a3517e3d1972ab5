"""Urgent data in NetBIOS sessions: the attack in frames, similar benign traffic, repetition."""

from __future__ import annotations

from collections.abc import Iterable

from sensor.config import load_config
from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.record import Record
from sensor.dissectors.shared.smb_events import SmbUrgent
from sensor.runtime.assembly import assemble
from tests.detectors.stories import SECOND, START, detector, inspected, one
from tests.kit import batch_of, ethernet, ipv4, tcp

NUKE = "impact.urgent_data"
ATTACKER, TARGET = "10.0.0.66", "10.0.0.20"
SYN, SYN_ACK, ACK, URGENT = 0x02, 0x12, 0x18, 0x38
REQUEST = b"\x81\x00\x00\x44" + (b"\x20" + b"CA" * 16 + b"\x00") * 2


def connection(port: int, data: bytes, flags: int) -> list[bytes]:
    """A handshake, and the first data of the client."""
    there, back = (ATTACKER, TARGET), (TARGET, ATTACKER)
    segments = [
        (there, tcp(b"", 40000, port, flags=SYN, seq=0)),
        (back, tcp(b"", port, 40000, flags=SYN_ACK, seq=0)),
        (there, tcp(data, 40000, port, flags=flags)),
    ]
    return [ethernet(ipv4(segment, 6, *ends), 0x0800) for ends, segment in segments]


def reported(frames: Iterable[bytes]) -> list[tuple[str, str, str]]:
    """(actor, target, severity) of the alerts."""
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    all_frames = list(frames)
    batch = batch_of(all_frames, times=[START + n * SECOND // 100 for n in range(len(all_frames))])
    engine.process(batch)
    batch.release()
    engine.finish()
    alerts = [each for each in records if isinstance(each.alert, dict) and each.alert["detector"] == NUKE]
    return [(each.src["ip"], each.dst["ip"], each.severity) for each in alerts]  # type: ignore[index]


def test_winnuke() -> None:
    """Frames of the attack raise an alert."""
    assert reported(connection(139, b"bye", URGENT)) == [(ATTACKER, TARGET, "medium")]


def test_benign_twins_are_quiet() -> None:
    """A session request with or without URG, the same data without it, and urgent Telnet or SMB data raise no alert."""
    for port, data, flags in (
        (139, REQUEST, ACK), (139, REQUEST, URGENT), (139, b"bye", ACK), (23, b"bye", URGENT), (445, b"bye", URGENT),
    ):  # fmt: skip
        assert reported(connection(port, data, flags)) == []


def test_repetition_is_one_finding() -> None:
    def urgent(at: float) -> Event:
        packet = Packet(ts=START + int(at * SECOND), src=parse(ATTACKER), dst=parse(TARGET), proto=6, dport=139)
        return SmbUrgent(packet, 3)

    alert = one(inspected(detector(NUKE), [urgent(n) for n in range(200)]))
    assert (alert.actor.address, alert.severity) == (parse(ATTACKER), Severity.medium)
    assert [each.technique for each in alert.techniques] == ["T1499.004", "T1499"]
