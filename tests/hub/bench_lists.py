"""How long lists, pages and searches of a hub take over many sensors, devices and alerts: `make hub-lists-bench`.

The rows are created in a separate PostgreSQL; at full scale, they need about 12 GB. Each case runs with other values
each time. Processor time is that of the database's process and of this one, which does not depend on what else the
machine does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sensor.hub.database import Connection, connected, ensure_partitions
from sensor.hub.schema_lists import WORDS_AND_COUNTS
from sensor.hub.schema_orders import DEVICE_ORDER
from sensor.hub.settings import Database
from sensor.hub.views import fleet
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.views.alert_filter import AlertFilter
from sensor.views.devices import DeviceFilter
from sensor.views.stories import StoryFilter
from tests.outputs.servers_postgresql import MISSING, PASSWORD, PostgresqlServer

SENSORS, DEVICES, ALERTS, INCIDENTS, SITES = 1000, 1_000_000, 10_000_000, 100_000, 40
SETTINGS = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
    "max_wal_size=1GB", "shared_buffers=1GB", "maintenance_work_mem=512MB", "autovacuum=off", "random_page_cost=1.1",
    "jit=off", "max_parallel_workers_per_gather=0",
)  # fmt: skip
PART = 250_000
FILLED = ("devices", "alerts", "incidents")
# Those of constraints stay.
_INDICES = """
SELECT indexdef FROM pg_indexes WHERE tablename ~ '^(devices|alerts|incidents|device_words|alert_words|device_order)$'
    AND indexdef !~ '^CREATE UNIQUE'"""
_SENSORS = """
INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state, version, seen)
SELECT 'K' || i, 'sensor-' || i, 'site-' || i %% %(sites)s, 'sensor-' || i, '', 'approved', '0.1.0', now()
FROM generate_series(1, %(sensors)s) i"""
_LOGS = """
INSERT INTO logs (sensor, epoch, committed, last_ts) SELECT 'K' || i, 'e', '{[1,20000)}', now()
FROM generate_series(1, %(sensors)s) i"""
_EVENTS = """
INSERT INTO events SELECT now() - day * interval '1 day', s.number, s.number, day, 'e' || day, s.site, 'sensor',
    'summary', 0, '', '{"ts":"2026-11-24T08:19:34Z","kind":"sensor","capture":{"packets":1000000,"dropped":12}}'
FROM sensors s, generate_series(0, 9) day"""
_DEVICES = """
INSERT INTO devices (sensor, id, site, log, seq, first, last, gone, merged, name, type, vendor, model, ips, macs,
    confidence, serial, vlan, record)
SELECT s, 'dev-' || lpad(to_hex(i), 8, '0'), 'site-' || s %% %(sites)s, s, i, now() - (i %% 400) * interval '1 day',
    now() - (i * 7919 %% 3000000) * interval '1 second', (hashint8(i) & 31) = 0, '', 'host-' || i,
    (ARRAY['workstation','phone','printer','camera','server','router','switch','tv'])[1 + (i * i) %% 8],
    'vendor ' || (i * 31) %% 300, 'model ' || i %% 1000,
    ARRAY['10.' || i %% 250 || '.' || (i / 250) %% 250 || '.' || (i / 62500) %% 250],
    ARRAY['02:00:' || regexp_replace(lpad(to_hex(i), 8, '0'), '(..)(..)(..)(..)', '\\1:\\2:\\3:\\4')], 0.9, '',
    10 * (i %% 40),
    '{"ts":"2026-11-24T08:19:34.000500Z","kind":"device","action":"identified","device":{"id":"dev-'
        || lpad(to_hex(i), 8, '0') || '","type":"workstation","vendor":"vendor","confidence":0.9},"evidence":[]}'
FROM (SELECT i, 1 + i %% %(sensors)s AS s FROM generate_series(%(first)s::bigint, %(last)s::bigint) i) one"""
_ALERTS = """
INSERT INTO alerts (sensor, id, site, log, seq, first, last, closed, severity, risk, count, detector, title, summary,
    src, dst, parties, record)
SELECT s, 'alert-' || lpad(to_hex(i), 8, '0'), 'site-' || s %% %(sites)s, s, i,
    now() - (i %% 9000000) * interval '1 second', now() - (i * 7919 %% 9000000) * interval '1 second',
    (hash / 10) %% 100 <> 0,
    (ARRAY[0,1,1,2,2,2,3,1,2,1])[1 + hash %% 10] + (hash %% 511 = 0)::int, (hash / 7) %% 100, 1 + i %% 9,
    'discovery.detector_' || least(hash %% 59, hash %% 47), 'Title of detector ' || hash %% 47,
    host || ' contacted ' || target, host, target,
    ARRAY['s:' || host, 's:dev-' || lpad(to_hex(device), 8, '0'), 't:' || target],
    '{"ts":"2026-11-24T08:19:34Z","kind":"alert","alert":{"id":"alert-' || lpad(to_hex(i), 8, '0') || '","risk":50}}'
FROM (
    SELECT i, i %% %(devices)s AS device, 'host-' || i %% %(devices)s AS host, 1 + i %% %(devices)s %% %(sensors)s AS s,
        '203.0.' || i %% 250 || '.' || i / 250 %% 250 AS target, hashint8(i) & 2147483647 AS hash
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) i
) one"""
_INCIDENTS = """
INSERT INTO incidents (sensor, id, site, log, seq, first, last, closed, severity, risk, count, summary, record)
SELECT s, 'incident-' || i, 'site-' || s %% %(sites)s, s, i, now(), now() - (i * 7919 %% 9000000) * interval '1 second',
    (hashint8(i) & 1023) > 20, (hashint8(i) & 255) %% 5, 50, 3,
    'host-' || i || ' scanned 10 addresses', '{"kind":"incident","incident":{"story":[]}}'
FROM (SELECT i, 1 + i %% %(sensors)s AS s FROM generate_series(%(first)s::bigint, %(last)s::bigint) i) one"""


class Case(NamedTuple):
    """``call`` gets the back end and the number of the run; ``limit``: maximum ms of a call."""

    name: str
    limit: int
    call: Callable[[HubBackend, int], object]


def cases(scale: float) -> Iterator[Case]:
    """Queries of the pages. Each run has other values, so that no result is in a cache because of the previous run."""
    devices = int(DEVICES * scale)
    wanted: dict[str, Callable[[int], AlertFilter]] = {
        "newest": lambda _: AlertFilter(),
        "open": lambda _: AlertFilter(state=("open", "acknowledged")),
        "high": lambda _: AlertFilter(severity="high"),
        "a site": lambda run: AlertFilter(site=(f"site-{run % SITES}",)),
        "a detector": lambda run: AlertFilter(detector=(f"discovery.detector_{run % 47}",)),
        "last day": lambda _: AlertFilter(since=time.time_ns() - 86_400_000_000_000),
    }
    for name, made in wanted.items():
        for sort in ("last", "severity"):
            yield Case(f"alerts {name}, by {sort}", 150, partial(listed, made, sort))
    yield Case("alerts, third page", 150, lambda hub, _: paged(hub))
    yield Case("devices newest", 150, lambda hub, _: hub.devices())
    yield Case("devices by name", 150, lambda hub, _: hub.devices(sort="name", backwards=False))
    yield Case("devices of a type", 150, lambda hub, _: hub.devices(DeviceFilter(type=("camera",))))
    yield Case("devices of a VLAN", 150, lambda hub, run: hub.devices(DeviceFilter(vlan=(10 + run % 39 * 10,))))
    yield Case("devices gone", 150, lambda hub, _: hub.devices(DeviceFilter(state=("gone",))))
    yield Case("devices of a site", 150, devices_of_a_site)
    yield Case("devices of a vendor", 150, lambda hub, run: hub.devices(DeviceFilter(vendor=f"vendor {run % 300}")))
    yield Case("incidents open", 150, lambda hub, _: hub.incidents(StoryFilter(state=("open",)), "severity"))
    yield Case("overview: numbers of sites", 150, lambda hub, _: fleet.sites(hub.reader))
    yield Case("sensors", 150, lambda hub, _: fleet.sensors(hub.reader))
    yield Case("device page", 200, lambda hub, run: device_page(hub, 1 + run * 7919 % (devices - 1)))
    yield Case("search for a name", 100, lambda hub, run: hub.search(f"host-{run * 7919 % devices}"))
    yield Case("search for an address", 100, lambda hub, run: hub.search(f"203.0.{run % 250}.{run * 7 % 250}"))
    yield Case("search for a frequent word", 100, lambda hub, _: hub.search("contacted"))
    yield Case("alerts of a host", 150, lambda hub, run: hub.alerts(AlertFilter(source=f"host-{run * 7919 % devices}")))


def listed(made: Callable[[int], AlertFilter], sort: str, hub: HubBackend, run: int) -> object:
    return hub.alerts(made(run), sort)


def devices_of_a_site(hub: HubBackend, run: int) -> object:
    return HubBackend(Reader(hub.reader.base, (f"site-{run % SITES}",))).devices()


def paged(hub: HubBackend) -> object:
    cursor = ""
    for _ in range(3):
        cursor = hub.alerts(sort="severity", cursor=cursor).cursor
    return cursor


def device_page(hub: HubBackend, number: int) -> object:
    name = f"{1 + number % SENSORS}.dev-{number:08x}"
    return hub.device(name), hub.alerts(AlertFilter(device=name))


def fill(base: Connection, scale: float) -> None:
    """Rows in parts, without triggers and indices; then words, counts and indices at once, and statistics, as
    autovacuum keeps them.
    """
    values: dict[str, Any] = {"sensors": SENSORS, "sites": SITES, "devices": int(DEVICES * scale)}
    now = datetime.now(UTC)
    ensure_partitions(base, [now, now - timedelta(days=10)], now)
    for statement in (_SENSORS, _LOGS, _EVENTS):
        base.execute(statement, values)
    indices = [row[0] for row in base.execute(_INDICES).fetchall()]
    base.execute("".join(f"ALTER TABLE {table} DISABLE TRIGGER USER;" for table in FILLED))
    base.execute("".join(f"DROP INDEX {definition.split()[2]};" for definition in indices))
    for statement, count in ((_DEVICES, DEVICES), (_ALERTS, ALERTS), (_INCIDENTS, INCIDENTS)):
        for first in range(1, int(count * scale) + 1, PART):
            last = min(first + PART - 1, int(count * scale))
            base.execute(statement, values | {"first": first, "last": last})
    for statement in (*WORDS_AND_COUNTS, *DEVICE_ORDER, *indices):
        base.execute(statement)
    base.execute("".join(f"ALTER TABLE {table} ENABLE TRIGGER USER;" for table in FILLED))
    base.execute("VACUUM ANALYZE")


def processor_s(pid: int) -> float:
    """Processor time of a process, in seconds (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(base: Connection, scale: float, runs: int, only: str) -> bool:
    """Print a line for each case; whether all are within their limits."""
    hub, good = HubBackend(Reader(base)), True
    backend = base.info.backend_pid
    print(f"{'case':34}  median ms  slowest ms  CPU ms  limit ms")
    for case in cases(scale):
        if only not in case.name:
            continue
        case.call(hub, 0)
        took, before = [], processor_s(backend) + time.process_time()
        for run in range(1, runs + 1):
            begun = time.monotonic()
            case.call(hub, run)
            took.append(1000 * (time.monotonic() - begun))
        spent = 1000 * (processor_s(backend) + time.process_time() - before) / runs
        good = good and statistics.median(took) <= case.limit
        print(f"{case.name:34}  {statistics.median(took):9.1f}  {max(took):10.1f}  {spent:6.1f}  {case.limit:8}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="part of the full size (default: 0.1)")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", default="", help="cases whose names contain this")
    args = parser.parse_args()
    if MISSING:
        print(MISSING)
        return 2
    server = PostgresqlServer(*SETTINGS)
    server.start()
    try:
        url = f"postgresql://sensor:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{server.port}/postgres"
        with connected(Database(url=url)) as base:
            fill(base, args.scale)
            sizes = base.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
            print(f"{int(DEVICES * args.scale):,} devices, {int(ALERTS * args.scale):,} alerts, {sizes and sizes[0]}")
            return 0 if measure(base, args.scale, args.runs, args.only) else 1
    finally:
        server.close()


if __name__ == "__main__":
    raise SystemExit(main())
