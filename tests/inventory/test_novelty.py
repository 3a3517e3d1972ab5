"""Known observations are counted in a table with the same result as a full lookup; a change of the device or of the
value behind an endpoint invalidates the entry.
"""

from __future__ import annotations

import sys

import pytest

from sensor.core.addresses import parse
from sensor.core.observation import Observation, Subject
from sensor.core.time_units import SECOND
from sensor.inventory.corrections import Order
from sensor.inventory.inventory import Inventory
from sensor.inventory.limits import Limits
from sensor.inventory.novelty import Novelty
from tests.inventory.stories import START, Book, Story, best, subject

MAC, OTHER, THIRD = "00:17:c8:00:00:01", "00:17:c8:00:00:02", "00:17:c8:00:00:03"
RANDOM = "02:00:00:00:00:01"
IP = "10.0.0.1"


def record_of(story, mac=MAC):
    return story.inventory.table.by_mac[subject(mac, "").mac]


def counted(story):
    return story.inventory.table.novelty.counted


def known_story(kind="mdns.hostname", value="prn-1.local"):
    """A device that sent the same observation three times, so that it is in the table."""
    story = Story().at(0)
    for second in (1, 2, 3):
        story.at(second).sends(MAC, IP, kind, value)
    return story


def is_known(story, mac=MAC, address=IP, kind="mdns.hostname", value="prn-1.local"):
    """Whether an observation is in the table; the lookup counts it."""
    before = counted(story)
    story.sends(mac, address, kind, value)
    return counted(story) - before == 1


def test_a_known_fact_moves_its_count_and_times_and_nothing_else():
    story = known_story()
    record, fact = record_of(story), record_of(story).facts["mdns.hostname", "prn-1.local"]
    stale, since, count = record.stale, record.since, fact.count
    due = list(story.inventory.table.due)
    assert is_known(story.at(9))
    assert (fact.count, fact.last, record.last, record.addresses[parse(IP)]) == (
        count + 1,
        story.ts,
        story.ts,
        story.ts,
    )
    assert (record.stale, record.since, list(story.inventory.table.due)) == (stale, since, due)


def test_a_known_fact_calls_no_python():
    """Neither an observation that matches a fingerprint nor one that matches none."""
    story = known_story()
    for _ in range(3):
        story.sends(MAC, IP, "chat.query", "idle").sends(MAC, IP, "mdns.txt.x", "means nothing")
    reported = (("mdns.hostname", "prn-1.local"), ("chat.query", "idle"), ("mdns.txt.x", "means nothing"))
    output = [Observation(story.ts, subject(MAC, IP), *what) for what in reported]
    calls = []
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_qualname) if event == "call" else None)
    try:
        for one in output:
            story.inventory.observe(one)
    finally:
        sys.setprofile(None)
    assert calls == ["Inventory.observe"] * 3


def test_raw_parts_are_the_same_fact():
    """A compiled dissector looks up by the hash of kind and value; IPv6, VLANs and non-ASCII text are distinguished."""
    novelty, record = Novelty(8), record_of(known_story())
    for address in (parse(IP), parse("fe80::17"), parse("2001:db8::1")):
        for vlan in (0, 7):
            for value in ("prn-1", "Büro", "打印机", "\N{BUSTS IN SILHOUETTE}", ""):
                one = Observation(START, Subject(5, address, vlan), "a.hostname", value)
                assert not novelty.seen_before(one)
                novelty.enter(one, record, None)
                assert novelty.known_to(START, 5, address, vlan, novelty.hash_of("a.hostname", value))
                assert not novelty.known_to(START, 6, address, vlan, novelty.hash_of("a.hostname", value))
                assert not novelty.known_to(START, 5, address, vlan + 1, novelty.hash_of("a.hostname", value))
                assert not novelty.known_to(START, 5, address, vlan, novelty.hash_of("b.hostname", value))


def test_a_fact_of_another_address_is_counted_there():
    story = known_story()
    for second in (4, 5, 6):
        story.at(second).sends(MAC, "fe80::17", "mdns.hostname", "prn-1.local")
    assert is_known(story.at(7), address="fe80::17")
    addresses = record_of(story).addresses
    assert (addresses[parse("fe80::17")], addresses[parse(IP)]) == (START + 7 * SECOND, START + 3 * SECOND)


# Invalidation.


def test_an_address_that_moved_is_looked_at_again():
    story = known_story()
    story.at(4).sends(OTHER, IP, "arp.address", "x")
    assert not is_known(story.at(5))
    assert story.who(OTHER).addresses == {parse(IP): START + 4 * SECOND}


def test_a_new_lease_ends_what_was_remembered_of_the_old_one():
    story = known_story()
    story.at(4).sends(MAC, "10.0.0.9", "dhcp.lease", "x")
    assert not is_known(story.at(5), kind="mdns.txt.ty", value="type=printer@0.8")
    assert not is_known(story.at(6))


def test_a_merger_ends_what_was_remembered_of_both():
    story = Story().at(0)
    phone = ("dhcp.vendor_class", "type=mobile@0.8")
    for second in (1, 2, 3):
        story.at(second).sends(RANDOM, "10.0.0.5", "dhcp.client_id", "some-client").sends(RANDOM, "10.0.0.5", *phone)
        story.sends(MAC, IP, "mdns.hostname", "prn-1.local")
    story.at(200).sends("02:00:00:00:00:02", "10.0.0.6", "dhcp.client_id", "some-client")
    assert not is_known(story)
    assert not is_known(story, RANDOM, "10.0.0.5", *phone)
    assert record_of(story, RANDOM) is record_of(story, "02:00:00:00:00:02")
    assert record_of(story, RANDOM).facts[phone].count == 4


def test_a_split_router_counts_for_the_hosts_behind_it():
    """Observations from an address behind the router count for its host from then on."""
    story = known_story()
    for n in range(2, 8):
        story.at(3 + n / 10).sends(MAC, f"10.0.0.{n}", "mdns.hostname", f"host-{n}.local")
    assert record_of(story).router
    host = story.inventory.table.leases.get(parse(IP))
    assert host is not record_of(story)
    before = host.facts["mdns.hostname", "prn-1.local"].count
    for second in (5, 6, 7):
        story.at(second).sends(MAC, IP, "mdns.hostname", "prn-1.local")
    assert host.facts["mdns.hostname", "prn-1.local"].count == before + 3
    assert ("mdns.hostname", "prn-1.local") not in record_of(story).facts


def test_who_was_gone_comes_back():
    story = known_story()
    story.at(25 * 3600)
    assert ("gone", f"mac:{MAC}") in story.reported()
    story.at(26 * 3600).sends(MAC, IP, "mdns.hostname", "prn-1.local").at(26 * 3600 + 10)
    assert story.reported()[-1] == ("back", f"mac:{MAC}")
    assert is_known(story)


def test_what_was_purged_is_found_again():
    story = known_story()
    old = record_of(story)
    story.persistence.carry_out(Order(1, "purge", f"mac:{MAC}", ""))
    assert not is_known(story.at(9))
    assert record_of(story) is not old
    assert record_of(story).facts["mdns.hostname", "prn-1.local"].count == 1


def test_a_fact_that_made_room_is_learned_again():
    story = known_story()
    for n in range(400):
        story.sends(MAC, "", "a.model", f"model=M{n}@0.5")
    assert ("mdns.hostname", "prn-1.local") not in record_of(story).facts
    assert not is_known(story)
    assert record_of(story).facts["mdns.hostname", "prn-1.local"].count == 1


def test_other_fingerprints_ask_again_what_meant_nothing():
    story = known_story("mdns.txt.x", "means nothing")
    assert is_known(story, kind="mdns.txt.x", value="means nothing")
    story.inventory.know(story.inventory.matcher, story.inventory.oui)
    assert not is_known(story, kind="mdns.txt.x", value="means nothing")


# The table.


def run(bits, key=0):
    """Two hundred devices that send in turns, some of which move: the final state, and the table."""
    story = Story(Limits(novelty_bits=bits))
    story.inventory = Inventory(
        Book(), story.inventory.oui, story.inventory.networks, Limits(novelty_bits=bits), best, key
    )
    story.at(0)
    for turn in range(6):
        for n in range(200):
            address = f"10.0.{turn // 3}.{n + 1}"
            printer = f"type=printer@0.8;model=M{n % 7}@0.8"
            for kind, value in (
                ("dhcp.hostname", f"pc-{n}"),
                ("mdns.txt.ty", printer),
                ("chat.word", "idle"),
                ("dhcp.lease", address),
            ):
                story.at(turn * 10 + n / 50).sends(f"00:17:c8:00:01:{n:02x}", address, kind, value)
    story.at(80)
    reported = [(change.ts, change.action, change.device.key, change.changes) for change in story.changes]
    facts = [
        (
            record.key,
            record.addresses.copy(),
            record.last,
            sorted((*key, fact.first, fact.last, fact.count) for key, fact in record.facts.items()),
        )
        for record in story.inventory.table.by_mac.values()
    ]
    return reported, facts, story.inventory.table.novelty


def test_a_table_too_small_is_only_slower():
    """Entries are evicted, and the result is the same."""
    small, large = run(4), run(16)
    assert small[:2] == large[:2]
    assert small[2].evicted > 100
    assert large[2].evicted == 0
    assert small[2].counted < large[2].counted > 1000


def test_a_secret_key_changes_places_and_nothing_else():
    one, other = run(16), run(16, key=0x0123456789ABCDEF_FEDCBA9876543210)
    assert one[:2] == other[:2]
    assert one[2].hash_of("a", "b") != other[2].hash_of("a", "b")


def test_the_hash_is_siphash():
    """SipHash-1-3 of the bytes 0, 1, 2 … under the key 00 01 … 0f equals the reference implementation with one
    compression and three finalization rounds.
    """
    novelty = Novelty(4, int.from_bytes(bytes(range(16)), "little"))
    text = "".join(map(chr, range(15)))
    known = {0: 0xABAC0158050FC4DC, 1: 0xC9F49BF37D57CA93, 2: 0x82CB9B024DC7D44D, 15: 0xD320D86D2A519956}
    assert {size: novelty.kind_hash(text[:size]) for size in known} == known


@pytest.mark.parametrize("bits", [1, 25])
def test_a_size_that_cannot_be_is_refused(bits):
    with pytest.raises(ValueError, match="2 to 24"):
        Novelty(bits)
