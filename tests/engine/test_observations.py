"""Observations of a capture without an inventory, for drafts of fingerprints."""

from __future__ import annotations

from pathlib import Path

from sensor.capture.files import open_captures
from sensor.core.time_units import SECOND
from sensor.engine.observations import observations_of
from tests.capture.captures import Frame, pcap, write
from tests.decode.test_datagrams import pieces_of
from tests.dissectors.test_ssdp import ALIVE
from tests.kit import MAC_A, ethernet, ipv4, udp


def test_a_fragmented_message_is_observed_like_a_whole_one(tmp_path: Path) -> None:
    """Its reassembled bytes are not in the capture's batch."""
    datagram = udp(ALIVE % b"http://10.0.0.1:8060/", 1900, 1900)
    whole = ethernet(ipv4(datagram, 17), 0x0800)
    found = []
    for name, frames in (("whole", [whole]), ("pieces", pieces_of(datagram))):
        content = pcap([Frame(SECOND + at, frame, 0) for at, frame in enumerate(frames)])
        source = open_captures(write(tmp_path, {name: content}))
        found.append(observations_of(source.batches()))
        source.close()
    assert found[0] == found[1]
    assert (MAC_A, "ssdp.location", ":8060/") in found[1]
