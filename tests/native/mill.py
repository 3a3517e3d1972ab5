"""Fuzzer of native dissectors: mutated messages, read natively between two unreadable pages and by the reference.

    python -m tests.native.mill [--cases N] [--seconds S] [--seed N] [DISSECTOR…]

A message gives the same result as with the reference, or is left to it; no byte outside the message is read, which
would end the process (SIGSEGV). The first failed case of each dissector is printed; exit code 1. The same seed gives
the same cases.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import time
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

from sensor.core.packet import Packet
from tests.fuzz.mill import mangled
from tests.native.reference import NAMES, SAMPLES, Pair

CASES = 1_000_000
CUT = 1


class Ground(NamedTuple):
    """The result of a dissector: cases, how many messages were parsed natively, and the first failure."""

    cases: int
    taken: int
    fault: str


# Name of a dissector, cases, seconds and seed.
Grind = Callable[[str, int, float, int], Ground]


def nudged(random: Random, payload: bytes) -> bytes:
    """One bit, or one byte that may be a length, is changed: mostly still a valid message."""
    data = bytearray(payload)
    at = random.randrange(len(data))
    data[at] = (
        data[at] ^ 1 << random.randrange(8)
        if random.random() < 0.5
        else (data[at] + random.choice((-2, -1, 1, 2))) & 255
    )
    return bytes(data)


def changed(random: Random, packet: Packet, payload: bytes) -> Packet:
    """The packet with another payload, sometimes from another packet, truncated or a fragment."""
    odd = random.random() < 0.2
    return Packet(
        payload, ts=packet.ts, src=random.choice((packet.src, packet.dst)) if odd else packet.src, dst=packet.dst,
        src_mac=random.choice((0, packet.src_mac)) if odd else packet.src_mac, dst_mac=packet.dst_mac, vlan=packet.vlan,
        sport=random.choice((packet.sport, packet.dport, 40_000)) if odd else packet.sport, dport=packet.dport,
        ethertype=packet.ethertype,
        ip_version=packet.ip_version, proto=packet.proto, ttl=random.randrange(256) if odd else packet.ttl,
        flow=packet.flow,
        tcp_flags=random.randrange(64) if odd else packet.tcp_flags,
        problem=CUT if random.random() < 0.01 else 0, fragment=1 if random.random() < 0.01 else 0,
    )  # fmt: skip


def grind(name: str, cases: int, seconds: float, seed: int) -> Ground:
    """Run so many cases for one dissector, or as many as fit into the time."""
    random, until, taken, pair = Random(f"{seed} {name}"), time.monotonic() + seconds, 0, Pair(name)
    others = [packet.payload for packet in SAMPLES[name]]
    for case in range(cases):
        packet = random.choice(SAMPLES[name])
        payload = nudged(random, packet.payload) if case % 2 else mangled(random, packet.payload, others)
        answer = pair.compare(changed(random, packet, payload), at_end=random.random() < 0.7)
        if answer.fault:
            return Ground(case + 1, taken, f"case {case} of seed {seed}: {answer.fault}")
        taken += answer.taken
        if case % 256 == 0 and time.monotonic() > until:
            return Ground(case + 1, taken, "")
    return Ground(cases, taken, "")


def run(about: str | None, names: Iterable[str], how: str, grind: Grind) -> int:
    """A fuzzer as a program: parse its arguments, and run it for the named dissectors. ``about``: its help; ``how``: in
    which way messages are read. Returns its exit code.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "dissectors",
        nargs="*",
        metavar="DISSECTOR",
        help="which (default: all; those without such a native dissector are left out)",
    )
    parser.add_argument("--cases", type=int, default=CASES, help="for each dissector (default: a million)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for each dissector at most")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    faulthandler.enable()
    failed = 0
    for name in names:
        if not args.dissectors or name in args.dissectors:
            print(f"{name:14} {how} ", end="", flush=True)  # before the run, which may end the process
            ground = grind(name, args.cases, args.seconds, args.seed)
            failed += bool(ground.fault)
            print(f"{ground.cases:>9,} cases, {ground.taken:>9,} taken  {ground.fault or 'ok'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run(__doc__, NAMES, "natively", grind))
