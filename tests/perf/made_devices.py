"""Generated devices of a large site in a store."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec

from sensor.core.addresses import mac_text, parse, parse_mac
from sensor.core.record_parts import time_text
from sensor.inventory.habits import OUTSIDE, StoredHabits, Use
from sensor.inventory.state import DeviceState
from sensor.inventory.store.rows import ListedDevice, index_words, save_rows
from sensor.inventory.store.store import Store
from tests.perf.made_records import START, STEP

TYPES = ("printer", "camera", "workstation", "server", "voip_phone", "iot", "unknown")
VENDORS = ("Kyocera", "Axis", "Dell", "HP", "Cisco", "Siemens", "Philips", "")
# Protocol << 16 | port, of services that every device uses of some server.
SERVICES = (17 << 16 | 53, 6 << 16 | 445, 6 << 16 | 631, 6 << 16 | 443, 17 << 16 | 123)
_DEVICE = "INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def fill(folder: Path, count: int, seed: int = 7) -> None:
    """Write so many devices to the store of a folder."""
    draw, store = random.Random(seed), Store(folder)
    try:
        store.base.execute("BEGIN")
        for number in range(count):
            shown = _device(number, draw)
            store.base.execute(_DEVICE, _stored(shown))
            save_rows(store.base, [shown])
        while index_words(store.base):
            pass
        store.base.execute("COMMIT")
    finally:
        store.close()


def _device(number: int, draw: random.Random) -> ListedDevice:
    kind, vendor, first = draw.choice(TYPES), draw.choice(VENDORS), START + number * STEP
    body = {
        "id": f"dev-{number:06x}", "macs": [f"00:17:c8:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"],
        "ips": [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"], "vlan": 10 + number % 40,
        "hostname": f"{kind}-{number}", "type": kind,
        "confidence": 0.9, "vendor": vendor, "model": f"Model {number % 500}", "os": "embedded",
        "services": ["tcp/80", "tcp/443"],
        "attributes": {"location": f"building {number % 30}"}, "first_seen": time_text(first),
        "last_seen": time_text(first),
    }  # fmt: skip
    return ListedDevice(
        first, first + draw.randrange(10**12), False, {name: value for name, value in body.items() if value}
    )


def _stored(shown: ListedDevice) -> tuple[object, ...]:
    """Its row with the state that a sensor continues with, and that its page shows."""
    body, mac, address = shown.body, parse_mac(shown.body["macs"][0]), parse(shown.body["ips"][0])
    key = f"mac:{mac_text(mac)}"
    state = DeviceState(
        body["id"], key, shown.first, shown.last, shown.first, macs=(mac,), vlan=body["vlan"],
        addresses={f"{address:x}": shown.last},
    )  # fmt: skip
    texts = [msgspec.json.encode(one).decode() for one in (body, state)]
    columns = [body["type"], body.get("vendor", ""), body["model"], body["hostname"], body["vlan"]]
    return body["id"], key, *columns, shown.first, shown.last, 0, *texts


def fill_baseline(folder: Path, count: int, seed: int = 7) -> None:
    """Write what the devices of ``fill`` use: name servers, file servers and printers, and web servers outside."""
    draw, store = random.Random(seed), Store(folder)
    servers = [f"dev-{number:06x}" for number in range(0, count, 100)]
    try:
        store.base.execute("BEGIN")
        rows = ((f"dev-{number:06x}", _habits(draw, servers)) for number in range(count))
        store.base.executemany("INSERT INTO baseline VALUES (?, ?)", rows)
        store.base.execute("COMMIT")
    finally:
        store.close()


def _habits(draw: random.Random, servers: list[str]) -> str:
    first, last = START, START + 7 * 24 * 3600 * 10**9
    uses = [(draw.choice(servers), service, Use(first, last, draw.randrange(1, 168))) for service in SERVICES]
    uses.append((OUTSIDE, 6 << 16 | 443, Use(first, last, 100)))
    return msgspec.json.encode(StoredHabits("workstation", "", first, last, 100, uses)).decode()
