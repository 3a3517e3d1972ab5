"""Every dissector against truncated, mutated or random bytes: it raises Malformed only, and segmentation of streams
does not matter.

Samples are the small captures in pcaps/dissectors/, one for each dissector. ``SENSOR_FUZZ_EXAMPLES`` sets how many
examples each property tries; unless the run is a full one (tests/sampling.py), these, the positions where streams are
split and those where messages are truncated are a sample.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

import sensor.dissectors
from sensor.core.dissector import Dissector, Parsed
from sensor.core.ip_protocols import TCP
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.registry import units
from tests import sampling
from tests.dissectors.samples import PCAPS, events, packets, values

EXAMPLES = int(os.environ.get("SENSOR_FUZZ_EXAMPLES", str(sampling.repeated(60, 10))))
SPLITS = 24
TRUNCATIONS = 40
CUT = 1
# Observations derived from sizes of encrypted messages depend on segmentation.
BY_SIZE = {"SshLogin"}
# Dissectors whose output depends on times, which these flows do not have.
BY_TIME = {"stratum_tls"}
DISSECTORS = units(sensor.dissectors, Dissector)
SAMPLES = {name: packets(name, unit.interest.tcp_heads) for name, unit in DISSECTORS.items()}
DATAGRAMS = [name for name in DISSECTORS if any(packet.proto != TCP for packet in SAMPLES[name])]
STREAMS = [name for name, unit in DISSECTORS.items() if unit.interest.stream]
SERVER_PORTS = {port for unit in DISSECTORS.values() for port in unit.interest.tcp}

# The seed selects the examples of a sample; a full run has the same ones every time.
TRIED = settings(max_examples=EXAMPLES, derandomize=sampling.ENDURANCE, database=None)


def rebuilt(packet: Packet, payload: bytes, problem: int = 0) -> Packet:
    return Packet(
        payload, ts=packet.ts, src=packet.src, dst=packet.dst, src_mac=packet.src_mac, sport=packet.sport,
        dport=packet.dport, vlan=packet.vlan, ethertype=packet.ethertype, ip_version=packet.ip_version,
        proto=packet.proto, ttl=packet.ttl, problem=problem, tcp_flags=packet.tcp_flags,
    )  # fmt: skip


def run(dissector: Dissector, packet: Packet) -> list[Parsed]:
    """The output, both as a datagram and as the first bytes of a stream; empty if malformed. Any other error fails the
    test.
    """
    try:
        if packet.proto == TCP and not dissector.interest.tcp_heads:
            return list(dissector.stream(packet).feed(packet, packet.payload, packet.dport in SERVER_PORTS))
        return list(dissector.dissect(packet))
    except Malformed as fault:
        return [] if fault.args[0] else pytest.fail("a fault without a name")


def check(messages: list[Parsed]) -> None:
    """All output is clean, bounded text."""
    for kind, value in values(messages):
        assert 0 < len(kind) <= 80
        assert kind.isprintable()
        assert 0 < len(value) <= 1024
        assert value.isprintable()


def conversation(name: str) -> list[tuple[bool, bytes]]:
    """(from the client, bytes) of the TCP segments of a capture."""
    return [(is_of_client(packet), packet.payload) for packet in SAMPLES[name] if packet.proto == TCP]


def is_of_client(packet: Packet) -> bool:
    """A dissector for any port has no port of its own: there the server has the lower one."""
    if packet.sport in SERVER_PORTS or packet.dport in SERVER_PORTS:
        return packet.dport in SERVER_PORTS
    return packet.dport < packet.sport


def reported(name: str, parts: list[tuple[bool, bytes]]) -> list[object]:
    """Events and observations of a stream for these segments."""
    packet = Packet(proto=TCP)
    stream = DISSECTORS[name]().stream(packet)
    messages = [one for from_client, data in parts for one in stream.feed(packet, data, from_client)]
    messages += stream.finish()
    return [*(event for event in events(messages) if event[0] not in BY_SIZE), *values(messages)]


@functools.cache
def whole(name: str) -> list[object]:
    """The output for the flow of a capture."""
    return reported(name, conversation(name))


@pytest.mark.parametrize("name", DISSECTORS)
def test_every_dissector_has_samples(name: str) -> None:
    """Each capture is parsed without a fault, and each message of it gives output, except segments of a stream."""
    assert SAMPLES[name]
    for packet in SAMPLES[name]:
        if packet.proto != TCP:
            messages = list(DISSECTORS[name]().dissect(packet))
            assert events(messages)
            check(messages)


def test_every_dissector_is_tried_one_way_or_the_other() -> None:
    """Heads of TCP alone are neither datagrams nor streams."""
    heads = {name for name, unit in DISSECTORS.items() if unit.interest.tcp_heads}
    assert {*DATAGRAMS, *STREAMS, *heads} == DISSECTORS.keys()


@pytest.mark.parametrize("name", DATAGRAMS)
def test_every_truncation(name: str) -> None:
    """A message truncated at any byte is Malformed or gives less; one truncated by the capture never raises, and gives
    no other kinds, except that a DHCP client is on the network.
    """
    dissector, more = DISSECTORS[name](), {"dhcp.role"} if name == "dhcp" else set()
    for number, packet in enumerate(SAMPLES[name]):
        if packet.proto == TCP:
            continue
        whole = set(values(dissector.dissect(packet)))
        for size in sampling.some(range(len(packet.payload)), TRUNCATIONS, "cuts of", name, number):
            check(run(dissector, rebuilt(packet, packet.payload[:size])))
            kinds = {kind for kind, _ in values(dissector.dissect(rebuilt(packet, packet.payload[:size], CUT)))}
            assert kinds <= {kind for kind, _ in whole} | more


@pytest.mark.endurance
@pytest.mark.parametrize("name", sampling.drawn(list(DISSECTORS), 50, "mutations"))
@TRIED
@seed(sampling.SEED)
@given(data=st.data())
def test_mutations(name: str, data: st.DataObject) -> None:
    """Samples with bytes changed, removed, duplicated or inserted from elsewhere."""
    packet = data.draw(st.sampled_from(SAMPLES[name]))
    payload = bytearray(packet.payload)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(len(payload) - 1, 0)))
        kind = data.draw(st.integers(0, 3))
        if kind == 0 and payload:
            payload[at] = data.draw(st.one_of(st.sampled_from([0, 1, 12, 63, 64, 127, 192, 255]), st.integers(0, 255)))
        elif kind == 1:
            del payload[at : at + data.draw(st.integers(1, 8))]
        elif kind == 2:
            payload[at:at] = payload[at : at + data.draw(st.integers(1, 64))]
        else:
            payload[at:at] = data.draw(st.binary(max_size=16))
    check(run(DISSECTORS[name](), rebuilt(packet, bytes(payload), data.draw(st.sampled_from([0, CUT])))))


@pytest.mark.endurance
@pytest.mark.parametrize("name", sampling.drawn(list(DISSECTORS), 50, "noise"))
@TRIED
@seed(sampling.SEED)
@given(payload=st.binary(max_size=600), proto=st.sampled_from([17, TCP]))
@example(payload=b"", proto=17)
def test_noise(name: str, payload: bytes, proto: int) -> None:
    """Random bytes that are no message."""
    if proto != TCP or name in STREAMS:
        check(run(DISSECTORS[name](), Packet(payload, proto=proto, dport=53)))


@pytest.mark.parametrize("name", STREAMS)
def test_stream_split_at_every_position(name: str) -> None:
    """A flow gives the same output, in the same order, wherever a segment is split in two."""
    parts = conversation(name)
    assert whole(name) or name in BY_TIME
    places = [(number, at) for number, (_, data) in enumerate(parts) for at in range(1, len(data))]
    for number, at in sampling.some(places, SPLITS, "splits of", name):
        from_client, data = parts[number]
        split = [*parts[:number], (from_client, data[:at]), (from_client, data[at:]), *parts[number + 1 :]]
        assert reported(name, split) == whole(name), (number, at)


@pytest.mark.parametrize("name", STREAMS)
def test_stream_byte_by_byte(name: str) -> None:
    """Single bytes give the same output as whole segments."""
    parts = conversation(name)
    assert reported(
        name, [(from_client, data[at : at + 1]) for from_client, data in parts for at in range(len(data))]
    ) == whole(name)


@pytest.mark.endurance
@pytest.mark.parametrize("name", sampling.drawn(STREAMS, 20, "streams with gaps"))
@TRIED
@seed(sampling.SEED)
@given(data=st.data())
def test_stream_with_gaps(name: str, data: st.DataObject) -> None:
    """Bytes lost anywhere, reported as a gap, cause no error, and no output that the whole flow does not have."""
    parts = conversation(name)
    packet = Packet(proto=TCP)
    stream = DISSECTORS[name]().stream(packet)
    messages: list[Parsed] = []
    try:
        for from_client, segment in parts:
            start = data.draw(st.integers(0, len(segment)))
            stop = data.draw(st.integers(start, len(segment)))
            messages += stream.feed(packet, segment[:start], from_client)
            if stop > start:
                messages += stream.gap(packet, stop - start, from_client)
            messages += stream.feed(packet, segment[stop:], from_client)
    except Malformed:
        pass
    check(messages)
    assert set(values(messages)) <= {one for one in whole(name) if len(one) == 2}


@pytest.mark.parametrize("name", STREAMS)
def test_truncated_segments(name: str) -> None:
    """A truncated segment and the gap after it cause no error, and no kind of output that the whole
    flow does not have.
    """
    kinds = {one[0] for one in whole(name) if len(one) == 2}  # type: ignore[arg-type,index]
    for size in sampling.some(range(1, 260), 12, "truncated segments of", name):
        packet, cut = Packet(proto=TCP), Packet(proto=TCP, problem=CUT)
        stream, messages = DISSECTORS[name]().stream(packet), list[Parsed]()
        try:
            for from_client, segment in conversation(name):
                messages += stream.feed(cut if len(segment) > size else packet, segment[:size], from_client)
                if len(segment) > size:
                    messages += stream.gap(packet, len(segment) - size, from_client)
            messages += stream.finish()
        except Malformed:
            pass
        check(messages)
        assert {kind for kind, _ in values(messages)} <= kinds


def test_captures_are_the_same_on_every_run(tmp_path: Path) -> None:
    """The script beside the captures generates them identically to the byte."""
    subprocess.run([sys.executable, "-m", "pcaps.dissectors.make", str(tmp_path)], check=True, cwd=PCAPS.parents[1])
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(made) > 5
    assert made == {name: (PCAPS / name).read_bytes() for name in made}
