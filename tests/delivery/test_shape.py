"""What an output gets of a record: filters, selected fields, redacted values; and the salt."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensor.core.output import Filter
from sensor.delivery.redaction import changes, load_salt
from sensor.delivery.selection import wanted
from sensor.delivery.shape import is_urgent
from sensor.outputs.formats import FORMATS
from tests.outputs.samples import RECORDS

SALT = b"s" * 32


def text(record: dict[str, Any]) -> str:
    return msgspec.json.encode(record).decode()


def chosen(**lists: Any) -> set[str]:
    requested = wanted(Filter(**lists))
    return {case for case, record in RECORDS.items() if requested(record)}


def test_no_filter_takes_everything() -> None:
    """Every list is empty."""
    assert chosen() == set(RECORDS)


@pytest.mark.parametrize(
    ("lists", "fits"),
    [
        ({"kinds": ["alert", "incident"]}, lambda record: record["kind"] in ("alert", "incident")),
        ({"severity": "high"}, lambda record: record["severity"] in ("high", "critical")),
        (
            {"detectors": ["lateral_movement.*"]},
            lambda record: record["kind"] in ("alert", "incident") and '"lateral_movement.' in text(record),
        ),
        ({"types": ["prin*"]}, lambda record: '"type":"printer"' in text(record)),
        ({"sites": ["nowhere"]}, lambda record: "nowhere" in text(record)),
        ({"sites": ["H?", "nowhere"]}, lambda record: record["sensor"]["site"] == "HQ"),
        ({"vlans": [30]}, lambda record: '"vlan":30' in text(record)),
        ({"detectors": ["*.remote_service", "none.*"]}, lambda record: '.remote_service"' in text(record)),
        (
            {"types": ["printer", "server"], "kinds": ["device"]},
            lambda record: record["kind"] == "device" and '"type":"printer"' in text(record),
        ),
    ],
)
def test_each_list(lists: dict[str, Any], fits: Any) -> None:
    """Wildcards are those of the shell; records without the field of a list do not match."""
    assert chosen(**lists) == {case for case, record in RECORDS.items() if fits(record)}


def test_vlans_of_device_and_ends() -> None:
    """VLANs of the device, of the alert's network, or of source and destination."""
    requested = wanted(Filter(vlans=[30]))
    assert requested({"device": {"vlan": 30}})
    assert requested({"network": {"vlan": 30}})
    assert requested({"src": {}, "targets": [{}, {"vlan": 30}]})
    assert not requested({"device": {"vlan": 31}})
    assert not requested({"device": "odd", "targets": "odd"})


def test_types_of_every_actor_of_an_incident() -> None:
    """Types of all actors, not only of the first."""
    incident = {
        "kind": "incident",
        "src": {"type": "printer"},
        "incident": {"actors": [{"type": "printer"}, {"type": "camera"}]},
        "targets": [{"type": "nas"}],
    }
    for kind in ("printer", "camera", "nas"):
        assert wanted(Filter(types=[kind]))(incident)
    assert not wanted(Filter(types=["tv"]))(incident)


def test_lists_are_all_to_fit() -> None:
    """All lists have to match, not one of them."""
    assert chosen(kinds=["device"], severity="critical") == set()


def test_fields() -> None:
    """Only selected fields, also in lists, and the envelope are delivered; every format can encode the record."""
    change = changes(["src.ip", "targets.ip", "alert.detector"], [], SALT)
    assert change is not None
    record = RECORDS["alert_open"]
    kept = change(record)
    assert kept["src"] == {"ip": record["src"]["ip"]}
    assert {"why", "advice", "numbers", "key"}.isdisjoint(kept["alert"])
    assert kept["alert"]["detector"] == record["alert"]["detector"]
    assert [set(one) for one in kept.get("targets", [])] == [{"ip"}] * len(record.get("targets", []))
    assert "evidence" not in kept
    assert (kept["id"], kept["sensor"], kept["msg"]) == (record["id"], record["sensor"], record["msg"])
    for case in RECORDS:
        for encode in FORMATS.values():
            encode(change(RECORDS[case]))


def test_redaction_is_the_same_everywhere_and_hides_the_value_in_texts() -> None:
    """A hostname is redacted in its field and in sentences; longer names with the same beginning are not."""
    record = {
        "ts": "t", "kind": "alert", "action": "open", "severity": "high", "id": "1", "schema": "1.0",
        "sensor": {"id": "hq", "seq": 1},
        "msg": "10.0.0.1 (PRN) tried prn-2 and 10.0.0.10", "src": {"ip": "10.0.0.1", "hostname": "PRN", "port": 4},
        "targets": [{"ip": "10.0.0.10"}],
        "alert": {"why": ["prn was here"]},
    }  # fmt: skip
    before = copy.deepcopy(record)
    change = changes([], ["src.hostname", "src.ip"], SALT)
    assert change is not None
    done = change(record)
    assert record == before
    mark, address = done["src"]["hostname"], done["src"]["ip"]
    assert (mark[0], len(mark), mark != address) == ("#", 17, True)
    assert done["msg"] == f"{address} ({mark}) tried prn-2 and 10.0.0.10"
    assert done["alert"]["why"] == [f"{mark} was here"]
    assert (done["src"]["port"], done["targets"]) == (4, [{"ip": "10.0.0.10"}])
    assert change(record) == done
    other = changes([], ["src.hostname"], b"t" * 32)
    assert other is not None
    assert other(record)["src"]["hostname"] != mark


def test_whole_objects_can_be_hidden() -> None:
    """Each value in the object is redacted."""
    change = changes([], ["targets"], SALT)
    assert change is not None
    done = change({"kind": "alert", "targets": [{"ip": "10.0.0.1", "port": 22}]})
    assert all(value.startswith("#") for value in done["targets"][0].values())


def test_the_salt_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    """The salt is created once, with mode 0600; a damaged one is replaced."""
    salt = load_salt(tmp_path / "cursors")
    assert load_salt(tmp_path / "cursors") == salt
    assert (tmp_path / "cursors" / "salt").stat().st_mode & 0o777 == 0o600
    (tmp_path / "cursors" / "salt").write_bytes(b"short")
    assert load_salt(tmp_path / "cursors") != salt


@pytest.mark.parametrize("case", RECORDS)
def test_urgent_lines_are_reported_without_decoding_and_never_wrongly(case: str) -> None:
    """Also with keys in another order, or a nested object that contains an urgent kind."""
    record = RECORDS[case]
    urgent = record["kind"] in ("alert", "incident")
    assert is_urgent(msgspec.json.encode(record)) == urgent
    assert is_urgent(msgspec.json.encode(dict(reversed(record.items())))) == urgent
    assert not is_urgent(msgspec.json.encode({"note": {"kind": "alert"}, **RECORDS["device_new"]}))
