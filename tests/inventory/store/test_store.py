"""The store: what one run writes, the next one reads, also after a crash."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from sensor.core.addresses import parse
from sensor.core.device import FieldChange
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.inventory.corrections import Correction, Order
from sensor.inventory.record import Neighbour
from sensor.inventory.services import Sighted
from sensor.inventory.store import schema
from sensor.inventory.store.database import FILE, StoreError, connect
from sensor.inventory.store.reader import Reader
from sensor.inventory.store.store import Store
from tests.golden import Golden
from tests.inventory.stories import START, Story

PRINTER, LAPTOP, PHONE = "00:17:c8:1a:2b:3c", "00:1b:21:00:00:02", "da:a1:19:00:00:01"


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path)
    yield store
    store.close()


def written(story: Story, store: Store) -> Story:
    store.write(story.persistence.entries(1000))
    return story


def noted() -> Story:
    story = Story().at(0)
    story.persistence.keep_journal()
    return story


def restored(store: Store, second: float, *, again: bool = False) -> Story:
    """The inventory of the next run, which begins at that second."""
    story = Story()
    for state in store.devices(100):
        assert story.persistence.restore(state, again=again)
    story.persistence.keep_journal()
    story.now = START + int(second * SECOND)
    return story.at(second)


def office(story: Story) -> Story:
    story.sends(PRINTER, "10.0.0.9", "dhcp.vendor_class", "type=printer@0.8;model=X@0.7", vlan=30).sends(
        PRINTER, "10.0.0.9", "dhcp.hostname", "PRN", vlan=30
    )
    story.sends(PRINTER, "fe80::1", "mdns.txt.ty", "type=printer@0.7", vlan=30).sends(
        LAPTOP, "10.0.0.5", "dhcp.role", "dhcp_server"
    )
    story.sends(PHONE, "10.0.0.7", "dhcp.hostname", "annas-fon").at(8)
    mac, address = 0x0017C81A2B3C, parse("10.0.0.9")
    story.inventory.offer(Sighted(story.ts, mac, address, 30, 6 << 16 | 631, True))
    story.inventory.neighbour(Subject(mac), Neighbour("lldp", "sw-1", "Gi1/0/5", "switch", story.ts))
    return story


def test_the_next_run_knows_all_and_reports_nothing(store: Store):
    """The next run has the same devices, attributes, evidence, names, roles and services, and reports no event."""
    before = written(office(noted()), store)
    after = restored(store, 100)
    for mac in (PRINTER, LAPTOP, PHONE):
        old, new = before.who(mac), after.who(mac)
        assert msgspec.structs.asdict(old) == msgspec.structs.asdict(new)
    for mac, address in ((PRINTER, "10.0.0.9"), (LAPTOP, "10.0.0.5"), (PHONE, "10.0.0.7")):
        after.converses(mac, address, 30 if mac == PRINTER else 0)
    assert after.at(200).end() == []


def test_what_comes_later_goes_on_from_there(store: Store):
    """A known observation only increments its count, an address change is no new device, and a name still links a
    randomized MAC.
    """
    written(office(noted()), store)
    after = restored(store, 1000).sends(
        PRINTER, "10.0.0.9", "dhcp.vendor_class", "type=printer@0.8;model=X@0.7", vlan=30
    )
    after.sends(PRINTER, "10.0.0.10", "dhcp.lease", "10.0.0.10", vlan=30)
    after.sends("da:a1:19:00:00:02", "10.0.0.8", "dhcp.hostname", "annas-fon").at(1020)
    assert after.who(PRINTER).attributes["model"].evidence[0].count == 2
    assert sorted(action for action, _ in after.end()) == ["address_changed", "address_changed"]
    assert after.who("da:a1:19:00:00:02") is after.who(PHONE)


def test_a_name_after_a_restart_is_reported_if_there_was_none(store: Store):
    """A device that the run before reported without a name gets one; that of one with a name is known."""
    written(office(noted()), store)
    after = restored(store, 100).sends(LAPTOP, "10.0.0.5", "dhcp.hostname", "desk-5")
    after.sends(PRINTER, "10.0.0.9", "mdns.hostname", "PRN-9", vlan=30).at(120)
    assert [(change.device.key, change.changes) for change in after.changes] == [
        (f"mac:{LAPTOP}", (FieldChange("hostname", "", "desk-5"),))
    ]


def test_silence_between_two_runs_makes_no_device_gone(store: Store):
    """Time without a sensor is no silence; afterwards a silent device is gone once, and back when it sends."""
    written(office(noted()), store)
    after = written(restored(store, 3 * 86400).at(3 * 86400 + 3600), store)
    assert after.reported() == []
    after.at(4 * 86400 + 2 * 3600)
    assert sorted(action for action, _ in after.reported()) == ["gone", "gone", "gone"]
    written(after, store)
    third = restored(store, 5 * 86400).converses(LAPTOP, "10.0.0.5").at(5 * 86400 + 10)
    assert [action for action, _ in third.reported()] == ["back"]


def test_other_fingerprints_are_matched_again(store: Store):
    """After a change of fingerprints, devices are matched again and the change is reported once."""
    written(office(noted()), store)
    with sqlite3.connect(store.path) as base:
        base.execute("UPDATE devices SET state = replace(state, '\"printer\"', '\"scale\"')")
    base.close()
    assert restored(store, 100).who(PRINTER).type == "scale"
    after = restored(store, 100, again=True)
    assert after.who(PRINTER).type == "printer"
    assert [(action, key) for action, key in after.at(140).end()] == [("changed", f"mac:{PRINTER}")]


def test_leases_are_intervals(store: Store, tmp_path: Path):
    """Each lease has its period, to the second of packet time, for the old and the new device."""
    story = noted()
    story.sends(PRINTER, "10.0.0.9", "dhcp.lease", "").sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(10)
    written(story, store)
    story.sends(PRINTER, "10.0.0.10", "dhcp.lease", "").at(20).sends(LAPTOP, "10.0.0.9", "dhcp.lease", "").at(30)
    written(story, store)
    rows = store.base.execute("SELECT device, address, first, last, held FROM leases ORDER BY number").fetchall()
    printer, laptop = story.who(PRINTER).id, story.who(LAPTOP).id
    assert [(row[0], row[1], (row[2] - START) // SECOND, row[4]) for row in rows] == [
        (printer, "10.0.0.9", 0, 0), (printer, "10.0.0.10", 10, 1), (laptop, "10.0.0.9", 20, 1),
    ]  # fmt: skip
    assert rows[0][3] == START + 10 * SECOND
    with closing(Reader(tmp_path)) as reader:
        assert list(reader.leases(("10.0.0.9", "10.0.0.99"))) == ["10.0.0.9"]
        now, before = reader.leases(("10.0.0.9",))["10.0.0.9"]
    assert (now.device, now.first, now.held) == (laptop, START + 20 * SECOND, True)
    assert before == (printer, START, START + 10 * SECOND, False)


def test_what_a_reader_sees(store: Store, tmp_path: Path):
    """Readers get records as in the log, and all claims, leases, services, neighbors and events of a device, also in
    SQL.
    """
    story = written(office(noted()), store)
    reader = Reader(tmp_path)
    records = {record["key"]: record for record in reader.records()}
    printer = records[f"mac:{PRINTER}"]["device"]
    assert (printer["type"], printer["services"], printer["vlan"]) == ("printer", ["ipp/631"], 30)
    details = reader.details(story.who(PRINTER).id)
    assert {(one["attribute"], one["value"], one["family"]) for one in details["evidence"]} >= {
        ("type", "printer", "dhcp"),
        ("type", "printer", "mdns"),
    }
    assert details["neighbours"][0]["port"] == "Gi1/0/5"
    assert [one["what"] for one in details["history"]] == ["new", "identified"]
    assert (
        reader._base.execute("SELECT count(*) FROM evidence WHERE attribute = 'type' AND value = 'printer'").fetchone()[
            0
        ]
        == 2
    )
    assert reader._base.execute("SELECT value FROM attributes WHERE name = 'model'").fetchone()[0] == "X"
    assert reader._base.execute("SELECT chassis FROM neighbours").fetchone()[0] == "sw-1"
    reader.close()


def test_a_merger_lasts_and_can_be_undone_at_the_next_run(store: Store, tmp_path: Path):
    """A merged device is found by its former id after a restart; the merge is undone from the stored states."""
    story = written(office(noted()), store)
    old = story.who(PHONE).id
    story.persistence.carry_out(Order(1, "merge", f"mac:{LAPTOP}", story.who(PHONE).key, "hers"))
    written(story.at(20), store)
    reader = Reader(tmp_path)
    assert reader.merged() == {old: story.who(LAPTOP).id}
    reader.close()
    after = restored(store, 100)
    assert after.who(PHONE) is after.who(LAPTOP)
    key = after.who(LAPTOP).key
    store.base.execute(
        "INSERT INTO words (ts, author, key, field, value, reason, state) VALUES (1, 'a', ?, 'undo', ?, '', 'pending')",
        (key, "name:annas-fon"),
    )
    (order,) = store.orders()
    assert after.persistence.carry_out(order).fault == ""
    written(after.at(120), store)
    assert store.orders() == []
    assert store.apart() == [(key, "name:annas-fon")]
    third = restored(store, 200)
    assert third.who(PHONE).id == old
    assert third.who(LAPTOP).macs == (0x001B21000002,)


def test_the_operator_s_word_is_not_written_as_what_packets_report(store: Store, tmp_path: Path):
    """A correction that is undone while no sensor runs leaves the attribute to the packets again."""
    story = office(noted())
    story.persistence.correct(f"mac:{PRINTER}", {"type": Correction(f"mac:{PRINTER}", "type", "camera")})
    assert story.at(20).who(PRINTER).type == "camera"
    written(story, store)
    reader = Reader(tmp_path)
    assert {record["device"]["type"] for record in reader.records() if record["key"] == f"mac:{PRINTER}"} == {"printer"}
    reader.close()
    assert story.who(PRINTER).type == "camera"


def test_an_evicted_device_leaves_the_store_too(tmp_path: Path):
    """Devices evicted from the inventory are deleted, so that a flood is bounded; history is kept for a while."""
    from sensor.inventory.limits import Limits

    store, story = Store(tmp_path), Story(Limits(devices=5)).at(0)
    story.persistence.keep_journal()
    for n in range(50):
        story.sends(f"00:17:c8:00:00:{n:02x}", f"10.0.0.{n + 1}", "http.server", "model=X").at(n * 10)
        written(story, store)
    assert store.base.execute("SELECT count(*) FROM devices").fetchone()[0] <= 5
    assert store.base.execute("SELECT count(*) FROM leases WHERE held").fetchone()[0] <= 5
    store.close()


# Files: locks, versions and damage.


def test_one_writer(golden: Golden, store: Store, tmp_path: Path):
    """A second sensor on the same store fails with an error."""
    with pytest.raises(StoreError) as raised:
        Store(tmp_path)
    golden(str(raised.value))


def test_an_older_store_is_brought_up_to_date(tmp_path: Path):
    """A store of version 1 keeps its devices and gets the current tables."""
    base = connect(tmp_path / FILE)
    base.executescript(f"{schema.MIGRATIONS[0]}; PRAGMA user_version = 1")
    base.execute("INSERT INTO devices VALUES ('dev-aaaaaa', ?, '', '', '', '', 0, 1, 2, 0, ?, ?)",
    (f"mac:{PRINTER}", '{"id":"dev-aaaaaa","type":"unknown"}', (
        f'{{"id":"dev-aaaaaa","key":"mac:{PRINTER}","first":1,"last":2,"since":1,"macs":[101921110844],"told":[[["printer",0.9]],true,[]]}}')))  # fmt: skip
    base.close()
    store = Store(tmp_path)
    assert store.base.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
    assert [state.id for state in store.devices(10)] == ["dev-aaaaaa"]
    assert store.base.execute("SELECT count(*) FROM services").fetchone()[0] == 0
    store.close()


def test_a_newer_store_is_left_alone(tmp_path: Path):
    """The store is not changed, and the error reports what to do."""
    base = connect(tmp_path / FILE)
    base.execute("PRAGMA user_version = 99")
    base.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreError, match=rf"version 99, .*\b{schema.VERSION}\b"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="version 99"):
        Reader(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("damage", ["header", "middle", "cut"])
def test_a_damaged_store_is_kept_aside_and_what_can_be_read_is_saved(tmp_path: Path, damage: str):
    """The sensor reports the damage and continues with a new store; the damaged file is kept for inspection."""
    store, story = Store(tmp_path), noted()
    for n in range(1, 200):
        story.sends(f"00:17:c8:00:00:{n:02x}", f"10.0.0.{n}", "http.server", f"model=X{n}").at(n / 10)
    written(story, store)
    store.base.execute(
        "INSERT INTO words (ts, author, key, field, value, reason, state) VALUES (1, 'a', 'k', 'owner', "
        "'anna', '', 'said')"
    )
    store.close()
    data = bytearray((tmp_path / FILE).read_bytes())
    half = len(data) // 2
    if damage == "header":
        data[:16] = b"no database here"
    elif damage == "middle":
        data[half : half + 8192] = os.urandom(8192)
    else:
        del data[half:]
    (tmp_path / FILE).write_bytes(data)
    again = Store(tmp_path)
    assert "was damaged" in again.note
    assert "inventory.db.damaged-1" in again.note
    assert (tmp_path / f"{FILE}.damaged-1").is_file()
    again.write(story.persistence.entries(10))
    if damage == "middle":
        assert again.corrections()["k"]["owner"].value == "anna"
        assert len(list(again.devices(1000))) > 10
    again.close()


def test_a_row_that_is_no_device_is_left_out(store: Store):
    """It is counted, and the other rows are read."""
    written(office(noted()), store)
    store.base.execute("UPDATE devices SET state = '[]' WHERE key = ?", (f"mac:{LAPTOP}",))
    assert len(list(store.devices(10))) == 2
    assert store.broken == 1


def test_damaged_details_name_their_device(store: Store, tmp_path: Path):
    """Those of other devices can be read."""
    story = written(office(noted()), store)
    store.base.execute("UPDATE devices SET state = '[]' WHERE key = ?", (f"mac:{LAPTOP}",))
    reader = Reader(tmp_path)
    with pytest.raises(StoreError, match=story.who(LAPTOP).id):
        reader.details(story.who(LAPTOP).id)
    assert reader.details(story.who(PRINTER).id)["evidence"]
    reader.close()


WRITER = """
import sys
from pathlib import Path
from sensor.inventory.store.store import Store
from tests.inventory.stories import Story
store, story = Store(Path(sys.argv[1])), Story().at(0)
story.persistence.keep_journal()
for n in range(1_000_000):
    story.sends(f"00:17:c8:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}", f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", "http.server", "type=printer")
    if n % 50 == 49:
        story.at(n)
        store.write(story.persistence.entries(1000))
        print(n + 1, flush=True)
"""


def test_killed_while_writing(tmp_path: Path):
    """After SIGKILL during a write, every completed batch is present and the store needs no repair."""
    for kill_after in (3, 10):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        ) as process:
            assert process.stdout is not None
            for _ in range(kill_after):
                output = process.stdout.readline()
            time.sleep(0.003)
            process.send_signal(signal.SIGKILL)
        store = Store(tmp_path)
        assert store.note == ""
        assert len(list(store.devices(10**6))) >= int(output)
        assert store.base.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        store.close()


def test_memory_of_restored_devices(store: Store):
    """Ten thousand devices with four observations and a service each take less than 60 MB."""
    story = noted()
    for n in range(500):
        mac, address = f"00:17:c8:00:{n >> 8:02x}:{n & 255:02x}", f"10.0.{n >> 8}.{n & 255 or 256 - 1}"
        story.sends(mac, address, "dhcp.vendor_class", "type=printer@0.8", vlan=30).sends(
            mac, address, "dhcp.hostname", f"prn-{n}", vlan=30
        )
        story.sends(mac, address, "mdns.txt.ty", f"model=M{n % 100}@0.8", vlan=30).sends(
            mac, address, "mdns.hostname", f"prn-{n}.local", vlan=30
        )
    written(story.at(8), store)
    fresh = Story()
    tracemalloc.start()
    try:
        assert sum(fresh.persistence.restore(state) for state in store.devices(10_000)) == 500
        list(fresh.inventory.devices())
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / 500 < 6000
