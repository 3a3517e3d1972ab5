"""Time to restore a hundred thousand devices (three thousand unless tests are repeated), and memory of ten thousand
(two thousand in a sample).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensor.core.observation import Observation, Subject
from sensor.inventory.baseline import DEVICES_LIMIT, Baseline
from sensor.inventory.limits import Limits
from sensor.runtime.keeper import Keeper
from tests import sampling
from tests.inventory.stories import Story

MANY, SECONDS = sampling.repeated(100_000, 3_000), sampling.repeated(5.0, 1.0)
HELD, KIB_EACH = sampling.count(10_000, 2_000), 5.6
STORED = min(MANY, 10_000)  # devices that are written at once
SERVICES = (6 << 16 | 443, 17 << 16 | 53, 17 << 16 | 123)
LIMITS = Limits(burst=10**6)


def office(story: Story, keeper: Keeper, baseline: Baseline) -> None:
    """Printers with four observations each, names among them, and a learned baseline for as many as it holds."""
    for n in range(MANY):
        subject = Subject(0x0017C8_000000 + n, 0xFFFF_0A000000 + n + 1, 30)
        for kind, value in (
            ("dhcp.vendor_class", "type=printer@0.8"),
            ("dhcp.hostname", f"prn-{n}"),
            ("mdns.txt.ty", f"model=M{n % 100}@0.8"),
            ("mdns.hostname", f"prn-{n}.local"),
        ):
            story.inventory.observe(Observation(story.ts + n, subject, kind, value))
        if n >= MANY - DEVICES_LIMIT:
            for service in SERVICES:
                baseline.learn(
                    story.ts + n, subject, Subject(0, 0xFFFF_0A800001), service, outside=service == SERVICES[0]
                )
        if n % STORED == STORED - 1:
            story.at(1 + n // STORED).changes.clear()
            while entries := keeper.persistence.entries(STORED):
                keeper.store.write(entries)


@pytest.mark.endurance
@pytest.mark.slow
def test_a_hundred_thousand_devices_come_back_in_five_seconds(tmp_path: Path) -> None:
    """With their observations and names, and the baselines of those seen last."""
    keeper, story = Keeper(tmp_path, print), Story(LIMITS).at(0)
    baseline = Baseline(story.inventory.device)
    keeper.begin(story.inventory, "one", baseline)
    office(story, keeper, baseline)
    keeper.end()
    keeper, fresh = Keeper(tmp_path, print), Story(LIMITS)
    baseline = Baseline(fresh.inventory.device)
    began = time.process_time()
    count = keeper.begin(fresh.inventory, "one", baseline)
    took = time.process_time() - began
    keeper.end()
    assert (count, len(baseline)) == (MANY, min(MANY, DEVICES_LIMIT))
    assert took < SECONDS, took
    print(f"{count:,} devices in {took:.1f} s")


# In a separate process, so that only this memory counts: the shipped fingerprints match ten thousand printers,
# phones and computers, with five or six observations and as many claims each as devices of the office capture have.
HOUSE = """
import gc, os, sys
from sensor.core.addresses import Networks
from sensor.core.observation import Observation, Subject
from sensor.fingerprinting.load import load_knowledge
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.oui import Oui
from sensor.inventory.inventory import Inventory
from sensor.inventory.limits import Limits

def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

FACTS = (
    (("dhcp.hostname", "KM{n:06X}"), ("mdns.txt.ty", "Kyocera ECOSYS M{n}idn"), ("mdns.service", "_ipp._tcp"), ("mdns.hostname", "km{n:06x}.local"),
     ("snmp.sys_descr", "KYOCERA Document Solutions Printing System"), ("snmp.hostname", "KM{n:06X}")),
    (("dhcp.vendor_class", "yealink"), ("dhcp.hostname", "SIP-T46S-{n}"), ("sip.user_agent", "Yealink SIP-T46S 66.85.0.{n}"),
     ("lldp.system_description", "66.85.0.5"), ("dhcp.parameter_list", "1,3,6,12,15,28,42,43,66,67,120,125")),
    (("dhcp.vendor_class", "MSFT 5.0"), ("dhcp.hostname", "PC-{n}"), ("dhcp.parameter_list", "1,3,6,15,31,33,43,44,46,47,119,121,249,252"),
     ("netbios.hostname", "PC-{n}"), ("ntlm.hostname", "PC-{n}"), ("tls.ja3", "{n:032x}")),
)

def feed(inventory, first, count):
    for n in range(first, first + count):
        subject, ts = Subject((0x0017C8, 0x805EC0, 0x001B21)[n % 3] << 24 | n, 0xFFFF_0A000000 + n + 1, 30), 1_700_000_000 * 10**9 + n * 10**6
        for kind, value in FACTS[n % 3]:
            inventory.observe(Observation(ts, subject, kind, value.format(n=n)))
        if n % 1000 == 999:
            inventory.settle(ts)
    inventory.finish(ts + 10**10)

inventory = Inventory(Matcher(load_knowledge([])), Oui(None), Networks(), Limits(burst=10**6))
feed(inventory, 0, 3_000)  # what is remembered of texts is full by then
before = resident()
count = int(sys.argv[1])
feed(inventory, 3_000, count)
assert inventory.telemetry()["devices"] == 3_000 + count, inventory.telemetry()
assert all(device.attributes for device in inventory.devices())
claims = sum(fact.weight for record in inventory.table.identified for fact in record.facts.values())
print(resident() - before, claims / inventory.telemetry()["devices"])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the kernel tells how much memory is resident")
def test_ten_thousand_devices_hold_less_than_fifty_five_mebibytes() -> None:
    """Attributes with all their evidence, names and addresses, as they are shown."""
    reported = subprocess.run(
        [sys.executable, "-c", HOUSE, str(HELD)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    held, claims = map(float, reported.stdout.split())
    assert claims > 12
    assert held < HELD * KIB_EACH * 1024, held
    print(f"{HELD:,} devices with {claims:.1f} claims each: {held / (1 << 20):.1f} MiB")
