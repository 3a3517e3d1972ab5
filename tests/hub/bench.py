"""How many events a second go through JetStream into PostgreSQL, and what else is measured: `make hub-bench`.

Many sensors are simulated from this process: their batches are in the stream before the workers start, and the time is
taken from the first committed batch to the last. Processor time does not depend on what else the machine does.

One worker and PostgreSQL already use two cores. How workers scale is therefore measured with as many cores as workers,
for NATS, PostgreSQL and the workers together.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sensor.hub.jwts import USER_DAYS
from sensor.hub.stream import connected, consumer
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.messages import Head, batch_id, sealed, subject
from sensor.outputs.transport.nkeys import USER, KeyPair
from tests.hub.bench_transport import report
from tests.hub.fleet_of_devices import SITES, scored
from tests.hub.hub_kit import MISSING, SITE, HubServers, Worker
from tests.outputs.batches import records
from tests.outputs.servers_base import Server, descendants

EACH = 200
# Kinds of events in the log of an office over a week, in twentieths. New devices and alerts are rows that are added;
# the others change rows.
CASES = (
    "device_new", "device_identified", "alert_open", "recommendation_open", "device_identified",
    "device_identified", "device_new", "alert_close", "recommendation_open", "device_identified",
    "device_identified", "alert_open", "recommendation_open", "incident_open", "device_identified",
    "device_identified", "device_new", "alert_close", "recommendation_open", "device_identified",
)  # fmt: skip
# The query for what is committed takes PostgreSQL a millisecond.
POLL_S = 0.2
# Devices of each site of a simulated company.
COMPANY = 500
BEGIN = datetime(2026, 11, 24, tzinfo=UTC)
ADDED = {"device": "device_new", "alert": "alert_open", "incident": "incident_open"}


def batches(sensors: int, each: int) -> Iterator[tuple[str, str, str, bytes]]:
    """Key, name, id and body of every batch, sensor after sensor in turn."""
    keys = [KeyPair.generate(USER).public for _ in range(sensors)]
    for batch in range(each):
        first = batch * EACH + 1
        for number, key in enumerate(keys):
            name = f"sensor-{number}"
            lines = [
                msgspec.json.encode(placed(record)) for record in records(EACH, first=first, sensor=name, cases=CASES)
            ]
            runs = [(first, first + EACH - 1)]
            head = Head(name, SITE, "0.1.0", "bench", runs, time.time_ns())
            yield key, name, batch_id(key, "bench", runs, lines), sealed(head, lines)


def placed(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the site and a time, about an object that its log has so far."""
    seq, kind = record["sensor"]["seq"], record["kind"]
    at = (BEGIN + timedelta(seconds=seq)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    record |= {"ts": at, "sensor": record["sensor"] | {"site": SITE}}
    if kind in ADDED:
        number = numbered(seq, ADDED[kind], new=record["action"] in ("new", "open"))
        own = {"id": f"{kind[:5]}-{number:08d}", "first": at, "last": at, "last_seen": at}
        if kind == "device":
            own |= {"macs": [f"00:17:c8:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"],
                    "ips": [f"10.20.{number >> 8 & 255}.{number & 255}"]}  # fmt: skip
        record[kind] = record[kind] | own
    return record


def numbered(seq: int, case: str, *, new: bool) -> int:
    """The number of the object that an event adds, or of an earlier one that it changes."""
    before = seq // len(CASES) * CASES.count(case) + CASES[: seq % len(CASES)].count(case)
    return before if new else seq * 7919 % max(before, 1)


async def fill(servers: HubServers, made: list[tuple[str, str, str, bytes]]) -> float:
    """Publish all; seconds that it took until JetStream had them."""
    client = await connected(servers.hub)
    await consumer(client, servers.hub)
    stream, begun = client.jetstream(publish_async_max_pending=2000), time.monotonic()
    for start in range(0, len(made), 500):
        futures = [
            await stream.publish_async(
                subject(messages.EVENTS, key),
                body,
                headers={"Nats-Msg-Id": name, messages.VERSION_HEADER: str(messages.VERSION)},
            )
            for key, _, name, body in made[start : start + 500]
        ]
        await asyncio.gather(*futures)
    took = time.monotonic() - begun
    await client.close()
    return took


class Measured(NamedTuple):
    """Events a second into the stream, and into the database; microseconds of processor time per event, by program."""

    filled: float
    rate: float
    cost: dict[str, float]


def processor_s(server: Server) -> float:
    """Processor time of a program and of its children, in seconds (proc_pid_stat(5))."""
    ticks = 0
    for pid in (server.pid, *descendants(server.pid)):
        with contextlib.suppress(FileNotFoundError):  # such as an autovacuum worker that has just ended
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Programs that are started meanwhile run on so many cores."""
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def measured(workers: int, sensors: int, each: int) -> Measured:
    """One run with this many workers."""
    servers = HubServers(workers=0)
    try:
        made = list(batches(sensors, each))
        with servers.base() as base:
            base.cursor().executemany(
                "INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state) "
                "VALUES (%s, %s, %s, %s, %s, 'approved') ON CONFLICT DO NOTHING",
                [(key, name, SITE, name, SITE) for key, name, _, _ in made],
            )
        total = len(made) * EACH
        filled = total / asyncio.run(fill(servers, made))
        servers.workers = [Worker(servers.config) for _ in range(workers)]
        for worker in servers.workers:
            worker.start()
        begun, first, before = 0.0, 0, dict[str, float]()
        with servers.base() as base:
            while True:
                row = base.execute(
                    "SELECT coalesce(sum((SELECT sum(upper(r) - lower(r)) FROM unnest(committed) r)), 0) FROM logs"
                ).fetchone()
                held = int(row[0]) if row else 0
                if held and not begun:
                    begun, first, before = time.monotonic(), held, spent(servers)
                if held >= total:
                    took, added, after = time.monotonic() - begun, total - first, spent(servers)
                    cost = {name: (after[name] - before[name]) / added * 1e6 for name in after}
                    return Measured(filled, added / took, cost)
                time.sleep(POLL_S)
    finally:
        servers.close()


def spent(servers: HubServers) -> dict[str, float]:
    """Processor time of the programs of a hub so far, in seconds."""
    return {
        "worker": sum(map(processor_s, servers.workers)),
        "PostgreSQL": processor_s(servers.postgresql),
        "NATS": processor_s(servers.nats),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--batches", type=int, default=2, help="of each sensor, with 200 events")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2], help="none: only the other figures")
    parser.add_argument("--enrol", type=int, default=1000, metavar="SENSORS", help="that join; 0: none")
    parser.add_argument(
        "--backlog", type=int, default=50_000, metavar="EVENTS", help="of a sensor, after an outage; 0: none"
    )
    parser.add_argument("--hunted", type=int, default=50, metavar="SENSORS", help="that answer a hunt; 0: none")
    parser.add_argument(
        "--companies", type=int, default=3, help="simulated, for the identity of devices across sites; 0: none"
    )
    args = parser.parse_args()
    if MISSING:
        raise SystemExit(MISSING)
    print(f"{args.sensors:,} sensors, {args.sensors * args.batches * EACH:,} events, credentials of {USER_DAYS} days")
    print("each worker on one core, with its share of NATS and PostgreSQL:")
    report_rates(args, scaled=True)
    print(f"all {len(os.sched_getaffinity(0))} cores:")
    report_rates(args, scaled=False)
    report(args.enrol, args.backlog, args.hunted)
    if args.companies:
        report_identity(args.companies)


def report_rates(args: argparse.Namespace, *, scaled: bool) -> None:
    """Print the rate of each number of workers. ``scaled``: as many cores as workers."""
    before = 0.0
    for workers in args.workers:
        with on_cores(workers if scaled else os.cpu_count() or 1):
            filled, rate, cost = measured(workers, args.sensors, args.batches)
        ratio = f", {rate / before:.2f} times one worker" if before else ""
        before = before or rate
        print(f"  {workers} worker(s): {rate:,.0f} events/s into PostgreSQL{ratio}; into JetStream {filled:,.0f}/s")
        print("    processor time an event: " + ", ".join(f"{name} {each:.0f} µs" for name, each in cost.items()))


def report_identity(companies: int) -> None:
    """Print how many joins of devices are false, and how many are missed."""
    begun, scores = time.process_time(), [scored(seed, COMPANY) for seed in range(companies)]
    joined, false_joins, possible, missed = (sum(numbers) for numbers in list(zip(*scores, strict=True))[1:])
    spent = time.process_time() - begun
    print(
        f"identity, {companies} companies of {SITES} sites with {SITES * COMPANY:,} devices, 5 % of them at two sites:"
    )
    print(f"  {false_joins} of {joined:,} joins false ({false_joins / joined:.3%}), {missed} of {possible:,} missed "
          f"({missed / possible:.2%}); {spent:.0f} s of processor time with the simulation")  # fmt: skip


if __name__ == "__main__":
    main()
