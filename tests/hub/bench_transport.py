"""Parts of `make hub-bench` besides the rate of workers: enrolment, the log of a day without the hub, a federated hunt.

Seconds depend on what else the machine does; processor time does not.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sensor.hub import sensors
from sensor.hub.folder import load_pair
from sensor.hub.hunting import hunted, targets
from sensor.logs import logs
from sensor.outputs.hub import Options
from sensor.outputs.hub_protocol.hunts import Found, Hunt
from sensor.outputs.hub_protocol.joining import join
from sensor.outputs.hub_protocol.messages import Joining
from sensor.outputs.transport.nkeys import USER, KeyPair
from sensor.sync.hunter import Hunter
from tests.hub.hub_kit import SITE, HubServers
from tests.hub.test_away import Sensor

# 50,000 events a second from 1,000 sensors.
ARRIVAL_RATE = 50
# The default of the output.
BATCH = 2000
ROWS = 100


class Enrolment(NamedTuple):
    """``own_s``: processor time of the sensors, and ``hub_s``: of worker, PostgreSQL and NATS; seconds."""

    seconds: float
    own_s: float
    hub_s: float


class Drain(NamedTuple):
    """Drain of one sensor: events a second, and microseconds of processor time of its forwarder per event."""

    rate: float
    cost_us: float


def enrolment(servers: HubServers, many: int) -> Enrolment:
    """Sensors join one after the other, each with its own token and key."""
    account = load_pair(servers.folder, "account")
    with servers.base() as base:
        tokens = [sensors.make_token(base, account, SITE, datetime.now(UTC)) for _ in range(many)]
    begun, own, hub = time.monotonic(), time.process_time(), hub_s(servers)
    for number, token in enumerate(tokens):
        requested = Joining(KeyPair.generate(USER).public, f"s{number}", SITE, "0.1.0")
        assert join(servers.url, None, token, requested, 60).state == "approved"
    return Enrolment(time.monotonic() - begun, time.process_time() - own, hub_s(servers) - hub)


def drain(servers: HubServers, events: int) -> Drain:
    """`sensor forward` delivers a log that grew while the hub was down."""
    with tempfile.TemporaryDirectory() as folder:
        sensor = Sensor(servers, Path(folder), BATCH, hard_mib=10_000, segment_mib=4)
        sensor.observe(events, 86_400 / events)
        begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        sensor.deliver()
        took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        sensor.log.close()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert sensor.held() == list(range(1, events + 1))
    return Drain(events / took, spent / events * 1e6)


def hunt(servers: HubServers, many: int) -> tuple[float, float]:
    """Seconds until this many sensors, simulated by threads of this process, have answered; processor time of both."""
    servers.empty()
    found = Found(columns=["a"], types=["BIGINT"], rows=[[number] for number in range(ROWS)], whole=True)
    with tempfile.TemporaryDirectory() as folder:
        hunters = []
        for number in range(many):
            credentials = servers.joined(f"s{number}", Path(folder))
            options = Options.model_validate({"servers": [servers.url], "credentials": credentials, "timeout_s": 60})
            hunters.append(Hunter([servers.url], options, lambda _: found))
            hunters[-1].turn(0.01)
        with servers.base() as base:
            chosen = targets(base, None, None)
        query = Hunt("0123456789abcdef", "SELECT a FROM conn", ROWS, 60)
        with ThreadPoolExecutor(many) as pool:
            answers = [pool.submit(hunter.turn, 60) for hunter in hunters]
            begun, spent = time.monotonic(), time.process_time()
            outcomes = asyncio.run(hunted(servers.hub, [(target, query) for target in chosen], 60))
            took, spent = time.monotonic() - begun, time.process_time() - spent
            assert all(answer.result() for answer in answers)
        for hunter in hunters:
            hunter.close()
    assert [one.state for one in outcomes] == ["answered"] * many
    return took, spent


def hub_s(servers: HubServers) -> float:
    """Processor time of the processes of the hub so far, in seconds."""
    from tests.hub.bench import spent

    return sum(spent(servers).values())


def report(many: int, events: int, hunted_at: int) -> None:
    """Measure and print all three; 0: not this one."""
    if not any((many, events, hunted_at)):
        return
    logs.configure(level="error")
    servers = HubServers()
    try:
        if many:
            report_enrolment(servers, many)
        if events:
            report_drain(servers, events)
        if hunted_at:
            took, spent = hunt(servers, hunted_at)
            print(f"hunt over {hunted_at} sensors with {ROWS} rows each: {took:.2f} s, processor time {spent:.2f} s")
    finally:
        servers.close()


def report_enrolment(servers: HubServers, many: int) -> None:
    joined = enrolment(servers, many)
    print(
        f"enrolment of {many:,} sensors: {joined.seconds:.0f} s, processor time of each sensor "
        f"{joined.own_s / many * 1e3:.1f} ms, of the hub {joined.hub_s / many * 1e3:.1f} ms"
    )


def report_drain(servers: HubServers, events: int) -> None:
    drained = drain(servers, events)
    ratio, cost = drained.rate / ARRIVAL_RATE, drained.cost_us
    print(f"log of {events:,} events after an outage: {drained.rate:,.0f} events/s, {ratio:.0f} times their arrival")
    print(f"  ({ARRIVAL_RATE}/s); processor time of the forwarder {cost:.0f} µs an event")
