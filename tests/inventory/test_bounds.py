"""State that hosts can make grow stays bounded, and the result does not depend on how packets are cut into batches."""

from __future__ import annotations

import random
import tracemalloc
from types import SimpleNamespace

from sensor.core.observation import Observation, Subject
from sensor.inventory import identity
from sensor.inventory.limits import Limits
from sensor.inventory.table import Table
from tests.inventory.stories import Claim

FLOOD = 50_000
REAL = [0x0017C8_000000 + n for n in range(50)]
NET = 0xFFFF_0A000000


def test_each_mac_in_the_table_belongs_to_its_record():
    """Also a randomized one that a device with many others gets: nothing is left of a device that is removed."""
    table = Table(Limits(macs=4))
    record = table.create(1, "mac:00:17:c8:00:00:00", REAL[0], 0)
    for mac in [*REAL[1:4], *range(0x02_0000000000, 0x02_0000000000 + 20)]:
        table.add_mac(record, mac)
        assert set(table.by_mac) == set(record.macs)
    assert len(record.macs) == 4
    table.remove(record)
    assert table.by_mac == {}


def test_a_flood_of_invented_macs_stays_bounded_and_keeps_real_devices(story_with):
    """Of 50,000 spoofed MACs that send DHCP requests in 12.5 seconds, few become devices; real ones stay, the rest is
    counted.
    """
    story = story_with(Limits(devices=5_000, pending=1_000))
    observe, start = story.inventory.observe, story.ts
    for n, mac in enumerate(REAL):
        observe(Observation(start, Subject(mac, NET + n), "dhcp.vendor_class", "type=printer"))
    story.at(2)
    random.seed(1)
    for n in range(FLOOD):
        # Half of the MACs are locally administered, half look assigned by a vendor.
        mac = random.getrandbits(48) & ~(1 << 40)
        mac = mac | 1 << 41 if n & 1 else mac & ~(1 << 41)
        observe(Observation(story.ts + n * 250_000, Subject(mac), "dhcp.hostname", f"PC{n}"))
    flooded = story.at(60).inventory.telemetry()
    assert flooded["devices"] <= 2_000
    assert flooded["pending"] <= 1_000
    assert flooded["evicted"] + flooded["devices"] + flooded["pending"] == FLOOD + len(REAL)
    assert all(story.inventory.device(Subject(mac)).type == "printer" for mac in REAL)
    assert len(story.inventory.table.by_mac) <= 3_000
    assert sum(action == "new" for action, _ in story.end()) <= 2_000


def test_a_newcomer_in_a_flood_is_reported_once_it_shows_itself_again(story_with):
    """Beyond the burst, a new device must send twice, a second apart."""
    story = story_with(Limits(burst=10))
    for n in range(20):
        story.inventory.observe(Observation(story.ts, Subject(0x001B21_000000 + n), "dhcp.hostname", f"PC{n}"))
    assert story.inventory.telemetry() == {"devices": 10, "pending": 10, "evicted": 0, "unattributed": 0, "dropped": 10}
    late = "00:1b:21:00:00:0f"
    assert story.who(late) is None
    story.at(0.5).sends(late, "", "dhcp.hostname", "PC15")
    assert story.who(late) is None
    story.at(1.5).sends(late, "", "dhcp.hostname", "PC15")
    assert list(story.who(late).names) == ["PC15"]


def test_forged_hosts_of_a_flood_take_the_place_of_no_real_one(story_with):
    """Ten hosts were admitted before a flood of senders was detected; a phone that joins later is admitted at once."""
    story = story_with(Limits(burst=10))
    for n in range(10):
        story.inventory.observe(Observation(story.ts, Subject(0x001B21_000000 + n), "dhcp.hostname", f"PC{n}"))
    story.inventory.doubt()
    story.at(1).sends("00:17:c8:00:00:01", "", "dhcp.hostname", "SEP1")
    assert list(story.who("00:17:c8:00:00:01").names) == ["SEP1"]
    assert [action for action, _ in story.end()] == ["new"]


def test_the_device_seen_longest_ago_makes_room_and_identified_ones_go_last(story_with):
    """At the bound a silent unidentified device is evicted before an active one and before any identified one."""
    story = story_with(Limits(devices=4))
    story.sends("00:17:c8:00:00:01", "", "a.type", "type=printer")
    for n in (2, 3, 4):
        story.converses(f"00:17:c8:00:00:0{n}", f"10.0.0.{n}")
    story.at(5).converses("00:17:c8:00:00:02", "10.0.0.2").at(6).converses("00:17:c8:00:00:05", "10.0.0.5")
    left = [n for n in range(1, 6) if story.who(f"00:17:c8:00:00:0{n}") is not None]
    assert left == [1, 2, 4, 5]
    assert story.who("", "10.0.0.3") is None
    assert story.inventory.telemetry()["evicted"] == 1


def test_one_device_cannot_fill_the_memory(story):
    """Observations, names, roles and addresses of one device are bounded; the newest are kept."""
    mac, limits = "00:17:c8:00:00:01", story.inventory.limits
    for n in range(3_000):
        story.inventory.observe(
            Observation(story.ts + n, Subject(0x0017C8_000001), "a.model", f"model=M{n}@0.5;type=printer")
        )
        story.sends(mac, "", "a.role", f"role{n}").sends(mac, "", "dns.query", f"x{n}.example").sends(
            mac, f"10.1.{n // 250}.{n % 250 + 1}", "arp.address", "x"
        )
        story.sends(mac, "", "b.hostname", f"host-{n}x")
    record = story.inventory.table.by_mac[0x0017C8_000001]
    device = story.who(mac)
    assert sum(fact.weight for fact in record.facts.values()) == record.weight <= limits.evidence
    assert sum(record.held.ignores(("dns.query", f"x{n}.example")) for n in range(3_000)) <= limits.idle
    assert len(device.addresses) == limits.addresses
    assert len(device.names) <= limits.names
    assert len(device.roles) <= limits.roles
    assert ("a.model", "model=M2999@0.5;type=printer") in record.facts
    assert any(fact.kind == "oui.organisation" for fact in record.facts.values())
    assert len(story.inventory.table.leases) == limits.addresses


def test_unused_attributes_are_made_again(story_with):
    """The cache of attributes is bounded; lookups, iteration and reports are the same as without the bound."""
    stories = []
    for viewed in (64, 10_000):
        story = story_with(Limits(viewed=viewed))
        for n in range(300):
            mac = f"00:17:c8:00:{n >> 8:02x}:{n & 255:02x}"
            story.at(n / 10).sends(
                mac, f"10.0.{n >> 8}.{n & 255}", "mdns.txt.ty", f"type=printer@0.8;model=M{n}@0.9"
            ).sends(mac, "", "dhcp.hostname", f"prn-{n}")
        story.at(60)
        kept = [record for record in story.inventory.table.identified if record.device is not None]
        assert len(kept) == min(viewed, 300)
        assert {member.device.label for member in story.inventory.members()} == {f"prn-{n}" for n in range(300)}
        requested = [story.who(f"00:17:c8:00:{n >> 8:02x}:{n & 255:02x}") for n in (5, 299, 5, 100)]
        reported = [
            (change.ts, change.action, change.device.id, change.changes, change.evidence) for change in story.changes
        ]
        stories.append(
            (
                reported,
                [(one.type, one.value("model"), one.attributes) for one in requested],
                [one.attributes for one in story.inventory.devices()],
            )
        )
    assert stories[0] == stories[1]


def test_a_usual_device_takes_less_than_six_kilobytes(story):
    """With three matched and four unmatched observations, two names and an address, the strings included."""
    count = 1_000
    claims = (Claim("model", "M", 0.9, "story.model", "mdns"), Claim("type", "printer", 0.9, "story.type", "mdns"))
    story.inventory.matcher = SimpleNamespace(
        knows=lambda _: True, match=lambda _, value: claims if value.startswith("known") else ()
    )
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for n in range(count):
        mac, address = 0x0017C8_000000 + n, NET + n
        for m in range(7):
            story.inventory.observe(
                Observation(
                    story.ts + n,
                    Subject(mac, address),
                    "mdns.txt.ty",
                    f"{'known' if m < 3 else 'strange'} words {n} {m}",
                )
            )
        story.inventory.observe(Observation(story.ts + n, Subject(mac), "dhcp.hostname", f"PRN-{n}"))
        story.inventory.observe(Observation(story.ts + n, Subject(mac, address), "mdns.hostname", f"printer-{n}.local"))
    story.at(2).changes.clear()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert story.inventory.telemetry()["devices"] == count
    assert used / count < 6 * 1024, used / count


def test_the_same_packets_report_the_same_story_in_any_cut(story_with):
    """More frequent settling and lookups of devices do not change what is reported."""
    stories = []
    for read in (False, True):
        story, dice = story_with(Limits()), random.Random(7)
        for step in range(4_000):
            story.at(step / 40)
            n = dice.randrange(40)
            mac = f"{dice.choice(('00:17:c8', 'da:a1:19'))}:00:00:{n:02x}"
            address = f"10.0.0.{dice.randrange(1, 60)}" if dice.random() < 0.9 else f"8.8.{dice.randrange(4)}.8"
            kind = dice.choice(("dhcp.hostname", "arp.address", "a.type", "mdns.hostname", "dhcp.lease", "x.role"))
            value = {
                "dhcp.hostname": f"host-{n}z",
                "mdns.hostname": f"host-{n}z",
                "a.type": f"type={dice.choice(('tv', 'printer', 'camera'))}@0.{dice.randrange(1, 9)}",
            }.get(kind, address)
            story.sends(mac, address, kind, value) if dice.random() < 0.7 else story.converses(mac, address)
            if read:
                story.who(mac, address)
                story.who("", address)
        story.end()
        stories.append(
            [
                (
                    c.ts,
                    c.action,
                    c.device.id,
                    c.changes,
                    c.note,
                    tuple(c.device.names),
                    tuple(c.device.addresses.items()),
                )
                for c in story.changes
            ]
        )
    assert len(stories[0]) > 100
    assert stories[0] == stories[1]


def test_ids_are_stable_and_distinct():
    """An id depends on the key, unless it is taken."""
    first = identity.device_id("mac:00:17:c8:1a:2b:3c", ())
    assert first == identity.device_id("mac:00:17:c8:1a:2b:3c", ())
    assert len(first) == 18
    assert first.startswith("dev-")
    assert identity.device_id("mac:00:17:c8:1a:2b:3c", {first}) != first


def test_join_keys_leave_out_what_names_no_device():
    """Client ids that repeat the MAC, vendor names and very short names do not link devices."""
    mac = 0xDAA119000001
    assert identity.join_key("id", "01daa119000001", mac) == ""
    assert identity.join_key("id", "ff00112233445566", mac) == "id:ff00112233445566"
    assert [
        identity.join_key("name", name, mac)
        for name in ("iPhone", "Galaxy-S21", "Pixel-7", "localhost", "ab", "android")
    ] == [""] * 6
    assert identity.join_key("name", "Miriams-Phone.local", mac) == "name:miriams-phone"
