"""Records kept as JSON: a fold of them equals one of objects."""

from __future__ import annotations

import tracemalloc
from typing import Any

from sensor.eventlog.fold import Fold
from sensor.eventlog.packed_records import PackedRecords

MANY = 500


def device(number: int, action: str, **more: Any) -> dict[str, Any]:
    about = {
        "id": f"dev-{number}",
        "ips": [f"10.0.0.{number}"],
        "macs": [f"00:17:c8:00:{number:04x}"],
        "type": "printer",
    }
    return {"ts": "2026-11-30T08:00:00Z", "kind": "device", "action": action, "device": about, **more}


def test_a_fold_of_packed_records_equals_one_of_objects() -> None:
    """Devices that appear, change, merge and leave, and an alert that is reported twice."""
    records = [device(number, "new") for number in range(4)]
    records += [device(1, "merged", reason="dev-2 is the same device"), device(0, "changed"), device(3, "gone")]
    records += [{"kind": "alert", "action": action, "alert": {"key": "k", "id": "a"}} for action in ("open", "close")]
    plain, packed = Fold(), Fold(PackedRecords)
    for record in records:
        plain.add(record)
        packed.add(record)
    assert list(packed.devices.items()) == list(plain.devices.items())
    assert [one["action"] for one in packed.devices.values()] == ["merged", "changed", "gone"]
    assert dict(packed.alerts) == plain.alerts
    assert (packed.merged, len(packed.devices), packed.device("dev-2")) == (
        {"dev-2": "dev-1"},
        3,
        plain.devices["dev-1"],
    )


def test_a_record_that_is_read_is_a_copy() -> None:
    """A change of it counts once it is stored again; the order remains."""
    records = PackedRecords()
    records["a"], records["b"] = {"n": 1}, {"n": 2}
    records["a"]["n"] = 3
    assert records["a"] == {"n": 1}
    records["a"] = {"n": 3}
    assert (list(records.items()), "c" in records, records.get("c")) == (
        [("a", {"n": 3}), ("b", {"n": 2})],
        False,
        None,
    )


def test_it_takes_half_of_the_memory() -> None:
    def taken(fold: Fold) -> int:
        tracemalloc.start()
        for number in range(MANY):
            fold.add(device(number, "new"))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    assert 2 * taken(Fold(PackedRecords)) < taken(Fold())
