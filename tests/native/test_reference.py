"""Every native dissector gives the same result as its Python reference, or leaves the message to it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sensor.core.packet import Packet
from tests import sampling
from tests.fuzz.test_dissectors import rebuilt
from tests.native.guarded import Guarded
from tests.native.mill import CUT
from tests.native.reference import NAMES, SAMPLES, Pair

CASES = sampling.repeated(10_000, 1_500)
TRUNCATIONS = 200


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_reported_alike(name: str) -> None:
    """Most samples are parsed natively, so that the comparison is meaningful."""
    pair = Pair(name)
    answers = [pair.compare(packet, at_end) for packet in SAMPLES[name] for at_end in (True, False)]
    assert not [answer.fault for answer in answers if answer.fault]
    assert sum(answer.taken for answer in answers) * 10 >= len(answers) * 6


@pytest.mark.parametrize("name", NAMES)
def test_truncations_are_reported_alike(name: str) -> None:
    """A message that ends early gives the same as in Python; one truncated by the capture is left to Python."""
    pair = Pair(name)
    for number, packet in enumerate(SAMPLES[name]):
        for size in sampling.some(range(len(packet.payload)), TRUNCATIONS, "truncations of", name, number):
            short = rebuilt(packet, packet.payload[:size])
            assert pair.compare(short).fault == ""
            assert pair.native(rebuilt(short, short.payload, CUT)) is None


@pytest.mark.parametrize("name", NAMES)
def test_fragments_are_left_to_the_reference(name: str) -> None:
    pair = Pair(name)
    for packet in SAMPLES[name]:
        assert (
            pair.native(Packet(packet.payload, sport=packet.sport, dport=packet.dport, proto=packet.proto, fragment=1))
            is None
        )


@pytest.mark.endurance
def test_changed_messages() -> None:
    """Thousands of mutations in a separate process: a read outside a message ends it, and the last dissector named is
    at fault.
    """
    words = [sys.executable, "-m", "tests.native.mill", "--cases", str(CASES), "--seed", str(sampling.SEED)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()] == NAMES


@pytest.mark.parametrize("place", ["memory.first - 1", "memory.last"])
def test_a_read_outside_a_message_ends_the_process(place: str) -> None:
    """The test before depends on it."""
    code = (
        "from tests.native.guarded import Guarded\nmemory = Guarded()\nmemory.place(b'x', "
        f"True)\nmemory.data[memory.last - 1]\nmemory.data[{place}]"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode < 0


def test_messages_lie_against_the_pages() -> None:
    memory = Guarded()
    assert [memory.place(b"abc", at_end) for at_end in (True, False)] == [memory.last - 3, memory.first]
    assert bytes(memory.data[memory.last - 3 : memory.last]) == b"abc"
