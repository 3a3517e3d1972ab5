"""The fuzzer: a million mutated messages for each dissector, as fast as they are parsed. ``make fuzz`` runs it for a
night; a test runs a few of each.

    python -m tests.fuzz.mill [--cases N] [--seconds S] [--seed N] [DISSECTOR…]

Every case is a sample of pcaps/dissectors with bytes changed, removed, duplicated, swapped with another sample's or
truncated; for streams also flows in segments, with gaps, from their middle. Dissectors raise no error but Malformed,
their output is clean and bounded text, and no case takes more than 50 ms of CPU. The first failed case of each
dissector is printed; exit code 1. The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from sensor.core.ip_protocols import TCP
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from tests.fuzz.test_dissectors import CUT, DISSECTORS, SAMPLES, SERVER_PORTS, STREAMS, check, rebuilt, run

CASES = 1_000_000
SLOWEST_NS = 50_000_000
SIZE_LIMIT = 65_535
# Edge values of lengths, counts and pointers.
TURNS = (0, 1, 12, 63, 64, 127, 128, 192, 255)


class Ground(NamedTuple):
    """The result of a dissector: cases, the most CPU of one case, ns, and the first failure."""

    cases: int
    slowest: int
    fault: str


def mangled(random: Random, payload: bytes, others: list[bytes]) -> bytes:
    """A message with one to six changes."""
    data = bytearray(payload)
    for _ in range(random.randint(1, 6)):
        at, kind = random.randrange(len(data) + 1), random.randrange(7)
        if kind == 0 and at < len(data):
            data[at] = random.choice(TURNS)
        elif kind == 1 and at < len(data):
            data[at] = random.randrange(256)
        elif kind == 2:
            del data[at : at + random.randint(1, 16)]
        elif kind == 3:
            data[at:at] = data[at : at + random.randint(1, 64)] * random.choice((1, 1, 2, 40))
        elif kind == 4:
            data[at:at] = random.randbytes(random.randint(1, 16))
        elif kind == 5 and others:
            other = random.choice(others)
            start = random.randrange(len(other) + 1)
            data[at : at + random.randrange(32)] = other[start : start + random.randint(1, 64)]
        else:
            del data[at:]
    return bytes(data[:SIZE_LIMIT])


def message(name: str, random: Random, others: list[bytes]) -> Callable[[], object]:
    """One message, as a datagram or as the begin of a stream; sometimes truncated by the capture."""
    packet = random.choice(SAMPLES[name])
    changed = rebuilt(packet, mangled(random, packet.payload, others), random.choice((0, 0, 0, CUT)))
    return lambda: check(run(DISSECTORS[name](), changed))


def conversation(name: str, random: Random, others: list[bytes]) -> Callable[[], object]:
    """A flow from any point on: segments of any size, some of them lost or changed."""
    messages = [(packet.dport in SERVER_PORTS, packet.payload) for packet in SAMPLES[name] if packet.proto == TCP]
    parts: list[tuple[bool, bytes | int]] = []
    for from_client, data in messages[random.randrange(len(messages)) :]:
        if random.random() < 0.3:
            data = mangled(random, data, others)
        at = random.randrange(len(data) + 1)
        parts += [
            (from_client, data[:at]),
            (from_client, random.randint(1, 100_000) if random.random() < 0.2 else b""),
            (from_client, data[at:]),
        ]

    def receive() -> None:
        packet = Packet(proto=TCP)
        stream = DISSECTORS[name]().stream(packet)
        try:
            for from_client, data in parts:
                if stream.done:
                    return
                list(
                    stream.gap(packet, data, from_client)
                    if isinstance(data, int)
                    else stream.feed(packet, data, from_client)
                )
            list(stream.finish())
        except Malformed:
            return

    return receive


def grind(name: str, cases: int, seconds: float, seed: int) -> Ground:
    """Run so many cases for one dissector, or as many as fit into the time."""
    random, slowest, until = Random(f"{seed} {name}"), 0, time.monotonic() + seconds
    others = [packet.payload for packet in SAMPLES[name]]
    for case in range(cases):
        made = (conversation if name in STREAMS and random.random() < 0.5 else message)(name, random, others)
        began = time.thread_time_ns()
        try:
            made()
        except Exception as error:  # noqa: BLE001 - whatever leaves it is what we look for
            return Ground(case + 1, slowest, f"case {case} of seed {seed}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.thread_time_ns() - began)
        if slowest > SLOWEST_NS:
            return Ground(case + 1, slowest, f"case {case} of seed {seed} took {slowest / 1e6:.0f} ms")
        if case % 256 == 0 and time.monotonic() > until:
            return Ground(case + 1, slowest, "")
    return Ground(cases, slowest, "")


def rows(names: list[str], cases: int, seconds: float, seed: int) -> Iterator[tuple[str, Ground]]:
    for name in names:
        yield name, grind(name, cases, seconds, seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dissectors", nargs="*", metavar="DISSECTOR", help="which (default: all)")
    parser.add_argument("--cases", type=int, default=CASES, help="for each dissector (default: a million)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for each dissector at most")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if unknown := [name for name in args.dissectors if name not in DISSECTORS]:
        parser.error(f"no such dissector: {', '.join(unknown)}")
    failed = 0
    for name, ground in rows(args.dissectors or list(DISSECTORS), args.cases, args.seconds, args.seed):
        failed += bool(ground.fault)
        print(
            f"{name:14} {ground.cases:>9,} cases, slowest {ground.slowest / 1e6:6.2f} ms  {ground.fault or 'ok'}",
            flush=True,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
