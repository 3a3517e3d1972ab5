"""Fuzzer of native dissectors of TCP streams: mutated conversations, cut and in disorder, read natively from segments
that end at an unreadable page, and by the reference.

    python -m tests.native.stream_mill [--cases N] [--seconds S] [--seed N] [DISSECTOR…]

A conversation gives the same result as with the reference; no byte behind a segment is read, which would end the
process (SIGSEGV). The first failed case of each dissector is printed; exit code 1. The same seed gives the same cases.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from sensor.core.dissector import Dissector
from sensor.dissectors.http import Http
from sensor.dissectors.ssh import Ssh
from sensor.dissectors.tls import Tls
from tests.native import test_http, test_ssh, test_tls
from tests.native.conversations import Turn, cut, disordered, every_payload, frames_of, mutated, received
from tests.native.guarded import Guarded
from tests.native.mill import Ground, run

SEGMENTS = (20, 300, 1400)  # largest sizes of segments, in bytes


class Kind(NamedTuple):
    """``conversation``: makes one; ``port``: of the server."""

    dissector: Callable[[], Dissector]
    conversation: Callable[[Random], list[Turn]]
    port: int


KINDS = {
    "http": Kind(Http, test_http.exchange, 80),
    "ssh": Kind(Ssh, test_ssh.conversation, 22),
    "tls": Kind(Tls, test_tls.conversation, 443),
}


def frames(kind: Kind, random: Random) -> list[bytes]:
    """The frames of a conversation."""
    turns = kind.conversation(random)
    if random.random() < 0.5:
        turns = mutated(turns, random)
    if random.random() < 0.6:
        turns = cut(turns, random, random.choice(SEGMENTS))
    whole = frames_of(turns, port=kind.port)
    return disordered(whole, random) if random.random() < 0.3 else whole


def grind(name: str, cases: int, seconds: float, seed: int) -> Ground:
    """Run so many cases for one dissector, or as many as fit into the time."""
    kind, until, results, memory = KINDS[name], time.monotonic() + seconds, 0, Guarded()
    for case in range(cases):
        random = Random(f"{seed} {name} {case}")
        given = frames(kind, random)
        unit = every_payload if random.random() < 0.5 else _as_it_is
        want = received(given, (name, unit(kind.dissector())), native=False, size=len(given))[:2]
        if received(given, (name, unit(kind.dissector())), native=True, memory=memory)[:2] != want:
            return Ground(case + 1, results, f"case {case} of seed {seed} differs from the reference")
        results += len(want[0])
        if time.monotonic() > until:
            return Ground(case + 1, results, "")
    return Ground(cases, results, "")


def _as_it_is(unit: Dissector) -> Dissector:
    return unit


if __name__ == "__main__":
    sys.exit(run(__doc__, KINDS, "streamed", grind))
