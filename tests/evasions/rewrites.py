"""The evasions by name, and the detections in a capture that one of them rewrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from sensor.config import load_config
from sensor.core.addresses import parse
from sensor.core.record import Record
from sensor.runtime.assembly import assemble
from tests.evasions import captures, packets, segments
from tests.evasions.frames import FIN, RST, Frame, read
from tests.kit import batch_of

Rewrite = Callable[[list[Frame]], list[Frame]]
# (detector, the last two bytes of the actor's address, which all rewrites keep)
Detected = frozenset[tuple[str, int]]
BATCH = 4096
SEVERE = ("medium", "high", "critical")

EVASIONS: dict[str, Rewrite] = {
    "segments of 200 bytes": segments.cut(200),
    "segments of 16 bytes": segments.cut(16),
    "segments of 3 bytes": segments.cut(3),
    "overlapping segments": segments.cut(24, overlap=8),
    "adjacent segments swapped": segments.exchanged,
    "segments of 16 bytes, adjacent ones swapped": segments.exchanged_pieces(16),
    "segments in reverse order": partial(segments.each, segments.backwards),
    "retransmissions": partial(segments.each, segments.repeated),
    "keep-alive bytes": partial(segments.each, segments.kept_alive),
    "data outside of the window": partial(segments.each, segments.outside_window),
    "RST outside of the window": partial(segments.each, segments.false_end(RST)),
    "FIN outside of the window": partial(segments.each, segments.false_end(FIN)),
    "sequence numbers wrap": segments.wrapped,
    "TCP options": partial(segments.each, segments.padded),
    "urgent pointer": partial(segments.each, segments.urgent),
    "no PSH": partial(segments.each, segments.unpushed),
    "other TCP ports": segments.other_ports,
    "no handshake": segments.without_handshake,
    "header fields in other case": segments.odd_case,
    "fragments": packets.fragmented(24),
    "fragments of 8 bytes": packets.fragmented(8),
    "fragments in reverse order": packets.fragmented(24, order=-1),
    "overlapping fragments": packets.fragmented(32, overlap=8),
    "IP options": partial(packets.each, packets.with_options),
    "IPv6": packets.over_ipv6(),
    "IPv6 destination options": packets.over_ipv6(extended=True),
    "IPv6 fragments": packets.over_ipv6(pieces=48),
    "priority tag": packets.tagged((0x8100, 0)),
    "VLAN": packets.tagged((0x8100, 42)),
    "QinQ": packets.tagged((0x88A8, 7), (0x8100, 42)),
    "a VLAN for each direction": packets.hopping,
    "MPLS": partial(packets.each, packets.labelled),
    "PPPoE": partial(packets.each, packets.over_ppp),
    "IP in IP": partial(packets.each, packets.in_ip),
    "GRE": partial(packets.each, packets.in_gre),
    "VXLAN": packets.in_udp(4789, bytes.fromhex("0800000000002a00")),
    "Geneve": packets.in_udp(6081, bytes.fromhex("0000655800002a00")),
    "ERSPAN type II": captures.mirrored(2),
    "ERSPAN type III": captures.mirrored(3),
    "duplicate frames": packets.doubled,
    "duplicate frames later": captures.repeated,
    "both sides of a router": packets.routed,
    "both sides of a router later": captures.routed_later,
    "adjacent frames swapped": captures.disordered,
    "trailing bytes": packets.trailing,
    "wrong checksums": captures.unsummed,
    "other addresses": captures.relocated,
    "three times slower": captures.timed(3),
    "ten times faster": captures.timed(0.1),
    "2 % loss": packets.lossy(0.02),
    "one direction": packets.one_sided,
    "frames truncated at 256 bytes": packets.snapped(256),
}


def detected(path: Path, evasion: str = "", *, severe: bool = False) -> Detected:
    """The detectors and actors reported for a capture, rewritten by an evasion if one is given; ``severe``: those of
    medium severity and higher.
    """
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    frames = read(path)
    for part in _parts(EVASIONS[evasion](frames) if evasion else frames):
        batch = batch_of(
            [frame.data for frame in part], times=[frame.ts for frame in part], wire=[frame.wire for frame in part]
        )
        engine.process(batch)
        batch.release()
    engine.finish()
    assert not list(engine.boundary.faults.values())
    alerts = (record for record in records if record.kind == "alert")
    return frozenset(_key(record) for record in alerts if not severe or record.severity in SEVERE)


def _parts(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    source = iter(frames)
    while part := list(islice(source, BATCH)):
        yield part


def _key(record: Record) -> tuple[str, int]:
    assert isinstance(record.alert, dict)
    address = record.src.get("ip", "") if isinstance(record.src, dict) else ""
    return record.alert["detector"], parse(address) & 0xFFFF if address else 0
