"""Scenarios of receivers that are slow in every known way, beside two healthy ones: how much they delay the healthy
ones.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sensor.delivery.status import Status
from tests.outputs.authority import Authority
from tests.outputs.receiver import Answer, Fault, Receiver, Request, Store, plain
from tests.outputs.servers_receiver import ReceiverServer
from tests.reliability.destinations import PATIENCE, Arrival, Destination, arrival, jetstream
from tests.reliability.harness import Forward, Maker, Used, account, serving, used, written

FOR_EVER_S = 3600
# Until every output has had its fault once, and connections and threads have reached their final number.
SETTLED_S = 3
DRAIN_S = 60


class Always(Receiver):
    """The same fault with each request."""

    def __init__(self, fault: Fault, **more: Any) -> None:
        super().__init__(**more)
        self._fault = fault

    def next_fault(self, request: Request) -> Fault:
        return self._fault


class Timed:
    """A collector that records the arrival time of each record."""

    def __init__(self) -> None:
        self.arrived: list[Arrival] = []

    def __call__(self, request: Request, store: Store) -> Answer:
        done, now = plain(request, store), time.time()
        self.arrived += [arrival(json.loads(line), now) for line in store.lines[len(self.arrived) :]]
        return done


class Slow(NamedTuple):
    """``late``: 99th percentile of the delay at each healthy receiver, in seconds; ``before``, ``after``: peak
    resources of `sensor forward` in the first and the second half of the time; ``statuses``: of each slow receiver.
    """

    events: int
    late: dict[str, float]
    before: Used
    after: Used
    statuses: dict[str, Status]


def slow_receivers(folder: Path, seconds: float, rate: float) -> Slow:
    """Events are sent to all of them for a while."""
    log, timed = folder / "events.jsonl", Timed()
    stream = jetstream()
    with contextlib.ExitStack() as ending:
        ending.enter_context(serving([stream]))
        well = ending.enter_context(Receiver(timed))
        good = Destination(
            "http",
            ReceiverServer(),
            exact=False,
            options={"type": "http", "url": well.url, **PATIENCE},
            arrived=lambda: [timed.arrived],
        )
        slow = ending.enter_context(_slow(folder))
        maker, forward = ending.enter_context(Maker(log, rate=rate)), Forward(log, [good, stream, *slow])
        ending.enter_context(forward)
        time.sleep(SETTLED_S)
        before, after = _most(forward.pid, seconds / 2), _most(forward.pid, seconds / 2)
        maker.kill()
        made = written(log)
        forward.names = [good.name, stream.name]
        forward.wait(len(made), DRAIN_S)
        late = {}
        for one in (good, stream):
            account(made, one).check(exact=one.exact)
            late[one.name] = _p99(sorted(each.late for part in one.arrived() for each in part))
        statuses = {one.name: forward.status(one.name) for one in slow}
        good.server.close()
    return Slow(len(made), late, before, after, statuses)


def _most(pid: int, seconds: float) -> Used:
    """The peak resources of a process during a period."""
    most, end = used(pid), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.1)
        most = Used(*map(max, most, used(pid)))  # type: ignore[arg-type]
    return most


def _p99(sorted_numbers: list[float]) -> float:
    return sorted_numbers[int(len(sorted_numbers) * 0.99)]


@contextlib.contextmanager
def _slow(folder: Path) -> Iterator[list[Destination]]:
    """One byte a second, a TLS handshake that never starts, rejecting answers, silence, an expired certificate, a peer
    whose process is suspended.
    """
    authority = Authority(folder)
    expired = authority.issue("expired", days=-1).context()
    receivers = {
        "byte-a-second": Always(Fault(bytes_per_s=1)),
        "no-handshake": Receiver(tls=expired, stall_handshake=True),
        "too-large": Always(Fault(413)),
        "too-many": Always(Fault(429, headers={"Retry-After": "1"})),
        "unavailable": Always(Fault(503)),
        "silent": Always(Fault(before_s=FOR_EVER_S)),
        "expired": Receiver(tls=expired),
    }
    frozen = ReceiverServer()
    with contextlib.ExitStack() as ending:
        found = []
        for name, receiver in receivers.items():
            ending.enter_context(receiver)
            tls = {"tls": {"ca": str(authority.ca)}} if receiver.tls is not None else {}
            options = {"type": "http", "url": receiver.url, **PATIENCE, "timeout_s": 2, **tls}
            found.append(Destination(name, frozen, exact=False, options=options, arrived=list))
        ending.enter_context(frozen)
        frozen.pause()
        found.append(
            Destination(
                "half-open",
                frozen,
                exact=False,
                options={"type": "http", "url": frozen.url, **PATIENCE, "timeout_s": 2},
                arrived=list,
            )
        )
        yield found
