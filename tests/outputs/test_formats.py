"""Formats: golden files of every kind of record, round trips, hostile texts, and long lines.

Cost of one encode, Python 3.11 (two cores, shared): native 2 µs, defender 6, device_info 9, leef 10, syslog 12, cef 16,
ocsf 18, ecs 19.
"""

from __future__ import annotations

import copy
import importlib
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensor.core.record import SIZE_LIMIT, Record
from sensor.outputs import formats
from sensor.outputs.formats import FORMATS, NoFormat, device_info, ecs, ocsf, scan, syslog_3164, syslog_5424
from tests.core.test_record import EVERY, maker, numbered, validator
from tests.outputs.samples import RECORDS, file_of, golden_text

ALERTS = [case for case in RECORDS if case.startswith("alert")]
HOSTILE = 'a|b=c\\d"e]f\ng\rh\ti\x1b[31mj\u202ek cat=x rt=0\\'
Reported = tuple[str, int, str | None, str | None, str | None]


def wanted(record: dict[str, Any]) -> Reported:
    """Id, time in milliseconds, source, destination and detector of the record."""
    moment = datetime.fromisoformat(record["ts"]).astimezone(UTC)
    ends = [record.get(end, {}).get("ip") for end in ("src", "dst")]
    return (
        record["id"],
        int(moment.timestamp()) * 1000 + moment.microsecond // 1000,
        *ends,
        record.get("alert", {}).get("detector"),
    )  # type: ignore[return-value]


def millis(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)


def cef(line: bytes) -> tuple[list[str], dict[str, str]]:
    """Header and key-value pairs, parsed by the CEF specification alone."""
    found = re.match(r"((?:(?:[^\\|]|\\.)*\|){7})", line.decode())
    assert found
    parts = [*re.findall(r"((?:[^\\|]|\\.)*)\|", found[1]), line.decode()[found.end() :]]
    pairs = re.findall(r"(?:^| )(\w+)=((?:[^\\=]|\\.)*?)(?= \w+=|$)", parts[7])
    return [unescaped(one) for one in parts[:7]], {key: unescaped(value) for key, value in pairs}


def leef(line: bytes) -> tuple[list[str], dict[str, str]]:
    parts = line.decode().split("|", 6)
    return parts[:6], dict(one.split("=", 1) for one in parts[6].split("\t"))


def element(line: bytes) -> dict[str, str]:
    """The parameters of the element ``event``."""
    inside = re.search(r'\[event@32473((?: \w+="(?:[^"\\\]]|\\.)*")*)\]', line.decode())
    assert inside
    return {
        key: re.sub(r'\\(["\\\]])', r"\1", value)
        for key, value in re.findall(r'(\w+)="((?:[^"\\\]]|\\.)*)"', inside[1])
    }


def back_cef(line: bytes) -> Reported:
    head, pairs = cef(line)
    ends = [pairs.get("src") or pairs.get("c6a2"), pairs.get("dst") or pairs.get("c6a3")]
    return pairs["externalId"], int(pairs["rt"]), *ends, head[4]  # type: ignore[return-value]


def back_defender(line: bytes) -> Reported:
    head, pairs = cef(line)
    moment = datetime.strptime(pairs["start"] + "000", "%b %d %Y %H:%M:%S.%f").replace(tzinfo=UTC)
    return pairs["UUID"], millis(moment.isoformat()), pairs.get("src_ip"), pairs.get("dst_ip"), head[4]


def back_leef(line: bytes) -> Reported:
    head, pairs = leef(line)
    return pairs["externalId"], int(pairs["devTime"]), pairs.get("src"), pairs.get("dst"), head[4]


def back_ecs(line: bytes) -> Reported:
    made = json.loads(line)
    ends = [made.get(end, {}).get("ip") for end in ("source", "destination")]
    return made["event"]["id"], millis(made["@timestamp"]), *ends, made["rule"]["id"]  # type: ignore[return-value]


def back_ocsf(line: bytes) -> Reported:
    made = json.loads(line)
    ends = [made["evidences"][0].get(end, {}).get("ip") for end in ("src_endpoint", "dst_endpoint")]
    return made["metadata"]["uid"], made["time"], *ends, made["finding_info"]["analytic"]["uid"]  # type: ignore[return-value]


def back_syslog(line: bytes) -> Reported:
    pairs = element(line)
    return pairs["id"], millis(pairs["ts"]), pairs.get("src"), pairs.get("dst"), pairs["detector"]


BACK: dict[str, Callable[[bytes], Reported]] = {
    "cef": back_cef,
    "cef_defender": back_defender,
    "ecs": back_ecs,
    "leef": back_leef,
    "native": lambda line: wanted(json.loads(line)),
    "ocsf": back_ocsf,
    "syslog_3164": back_syslog,
    "syslog_5424": back_syslog,
}


def hostile(text: str = HOSTILE) -> dict[str, Any]:
    """An alert in which every text that a peer can choose is the same hostile one."""
    record = copy.deepcopy(RECORDS["alert_open"])
    record["msg"] = text
    record["src"]["hostname"] = record["dst"]["hostname"] = text
    record["alert"]["title"], record["alert"]["why"] = text, [text]
    return record


def test_the_folder_is_the_list() -> None:
    """Every file of the folder is a format under its own name, and has a golden file."""
    folder = Path(formats.__path__[0])
    assert list(FORMATS) == sorted(file.stem for file in folder.glob("*.py") if not file.name.startswith("_"))
    assert all(file_of(name).is_file() for name in FORMATS)
    assert set(BACK) == set(FORMATS) - {"device_info"}


def test_a_format_is_found_and_a_file_without_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file is one format; a file without a format is an error that names it."""
    folder = tmp_path / "temporary_formats"
    folder.mkdir()
    for name, text in (("__init__", ""), ("_helper", ""), ("mine", "def encode(record):\n    return b'mine'\n")):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    package = importlib.import_module("temporary_formats")
    assert {name: encode({}) for name, encode in scan(package).items()} == {"mine": b"mine"}
    (folder / "empty.py").write_text("")
    importlib.invalidate_caches()
    with pytest.raises(NoFormat, match=r"empty\.py"):
        scan(package)
    for name in [name for name in sys.modules if name.startswith("temporary_formats")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("case", RECORDS)
def test_samples_are_records(case: str) -> None:
    """The records of the golden files are valid under the schema of the event log."""
    assert list(validator().iter_errors(RECORDS[case])) == []


@pytest.mark.parametrize("name", FORMATS)
def test_golden(name: str) -> None:
    """The output of a format for each record equals its golden file."""
    assert golden_text(name) == file_of(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("case", ALERTS)
@pytest.mark.parametrize("name", BACK)
def test_there_and_back(name: str, case: str) -> None:
    """Id, time, source, destination and detector survive a round trip."""
    line = FORMATS[name](RECORDS[case])
    assert line is not None
    assert BACK[name](line) == wanted(RECORDS[case])


def row(line: bytes) -> tuple[str, int]:
    made = json.loads(line)
    return json.loads(made["AdditionalFields"])["EventId"], millis(made["Timestamp"])


# Id and time of a line of any kind of record.
MOMENT: dict[str, Callable[[bytes], tuple[str, int]]] = {
    "cef": lambda line: (cef(line)[1]["externalId"], int(cef(line)[1]["rt"])),
    "cef_defender": lambda line: (cef(line)[1]["UUID"], back_defender(line)[1]),
    "device_info": row,
    "ecs": lambda line: (json.loads(line)["event"]["id"], millis(json.loads(line)["@timestamp"])),
    "leef": lambda line: (leef(line)[1]["externalId"], int(leef(line)[1]["devTime"])),
    "native": lambda line: wanted(json.loads(line))[:2],
    "ocsf": lambda line: (json.loads(line)["metadata"]["uid"], json.loads(line)["time"]),
    "syslog_3164": lambda line: (element(line)["id"], millis(element(line)["ts"])),
    "syslog_5424": lambda line: (element(line)["id"], millis(element(line)["ts"])),
}


@pytest.mark.parametrize("name", FORMATS)
def test_id_and_time_of_every_record_come_back(name: str) -> None:
    """Records of devices, incidents and the sensor keep id and time: receivers deduplicate and sort by these."""
    golden_text = 0
    for record in RECORDS.values():
        line = FORMATS[name](record)
        if line is not None:
            golden_text += 1
            assert MOMENT[name](line) == wanted(record)[:2]
    assert golden_text >= 3


def test_a_device_comes_back_from_its_row() -> None:
    """A row of a device contains its sensor, type, addresses and times."""
    record = RECORDS["device_identified"]
    made = json.loads(device_info.encode(record) or b"")
    more, device = json.loads(made["AdditionalFields"]), record["device"]
    assert (made["DeviceId"], made["DeviceName"], made["Vendor"], made["Model"]) == tuple(
        device[name] for name in ("id", "hostname", "vendor", "model")
    )
    assert (more["SensorId"], more["Ips"], more["Macs"], made["ReportId"]) == (
        record["sensor"]["id"],
        device["ips"],
        device["macs"],
        record["sensor"]["seq"],
    )
    assert (more["Action"], more["FirstSeen"], more["LastSeen"]) == (
        record["action"],
        device["first_seen"],
        device["last_seen"],
    )


@pytest.mark.parametrize("action", EVERY)
@pytest.mark.parametrize("name", FORMATS)
def test_every_record_is_one_line_and_left_as_it_was(name: str, action: str) -> None:
    """Records of every kind and action, complete or minimal, objects or log lines, are one line and stay unchanged."""
    record = numbered(EVERY[action](maker()))
    before = copy.deepcopy(record)
    line = FORMATS[name](record)
    assert record == before
    assert line is None or (b"\n" not in line and b"\0" not in line and 0 < len(line) <= SIZE_LIMIT)
    assert FORMATS[name](msgspec.convert(record, Record)) == line
    if name == "device_info":
        assert (line is None) == (record["kind"] != "device")
    elif name != "cef_defender":
        assert line is not None


@pytest.mark.parametrize("name", BACK)
def test_hostile_texts_change_nothing_else(name: str) -> None:
    """Pipes, equals signs, quotes, brackets, backslashes and line ends in names forge no field and end no line."""
    line = FORMATS[name](hostile())
    assert line is not None
    assert BACK[name](line) == wanted(RECORDS["alert_open"])
    # In JSON a control character is an escape of six letters; lines of text contain none, except for the tabs of
    # LEEF.
    assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
    assert name == "leef" or b"\t" not in line


def test_hostile_texts_in_cef_can_be_read_again() -> None:
    """Escapes in CEF are decoded by the rules of the format, line ends included."""
    head, pairs = cef(FORMATS["cef"](hostile("a|b=c\\d\ne\\")) or b"")
    assert head[5] == "a|b=c\\d e\\"
    assert (pairs["msg"], pairs["shost"], pairs["act"]) == ("a|b=c\\d\ne\\", "a|b=c\\d\ne\\", "open")


def test_hostile_texts_in_leef_and_syslog() -> None:
    """LEEF has no escapes: separators become spaces. Syslog escapes three characters."""
    _, pairs = leef(FORMATS["leef"](hostile("a|b=c\td\ne")) or b"")
    assert pairs["srcHostName"] == "a|b=c d e"
    assert element(syslog_5424.encode(hostile('a"b]c\\d\ne')))["srcHost"] == 'a"b]c\\d e'


@pytest.mark.parametrize("name", BACK)
@pytest.mark.parametrize("text", ["x" * 200_000, '|=\\"]\n' * 30_000, "\U0001f5a8" * 60_000])
def test_long_lines_are_cut(name: str, text: str) -> None:
    """Long lines are cut to 64 KiB (1,024 bytes in the old syslog) of valid UTF-8; required fields stay whole."""
    line = FORMATS[name](
        hostile(text) | {"targets": [{"ip": f"10.0.{n >> 8}.{n & 255}", "hostname": text[:256]} for n in range(1024)]}
    )
    assert line is not None
    assert len(line) <= (syslog_3164.LIMIT if name == "syslog_3164" else SIZE_LIMIT)
    assert line.decode()
    assert BACK[name](line) == wanted(RECORDS["alert_open"])


def test_a_long_row_of_a_device_is_cut() -> None:
    """A long row of a device loses the end of its additional fields before it loses columns."""
    record = copy.deepcopy(RECORDS["device_identified"])
    record["device"]["attributes"] = {"banner": "x" * 200_000}
    row = json.loads(device_info.encode(record) or b"")
    assert (row["DeviceId"], row["DeviceType"]) == ("dev-5k2m8q", "Printer")
    assert json.loads(row["AdditionalFields"])["EventId"] == record["id"]


def test_ecs_words() -> None:
    """Kinds, severities and MAC addresses follow the ECS schema."""
    made = ecs.body(RECORDS["alert_open"])
    assert (made["event"]["kind"], made["event"]["severity"], made["event"]["risk_score"]) == ("alert", 70, 79)
    assert made["source"]["mac"] == "00-17-C8-1A-2B-3C"
    assert made["threat"]["technique"] == {
        "id": ["T1021", "T1046"],
        "name": ["Remote Services", "Network Service Discovery"],
        "subtechnique": {"id": ["T1021.002"], "name": ["SMB/Windows Admin Shares"]},
    }
    assert made["related"]["ip"] == ["10.20.30.41", "10.20.1.5", "10.20.1.6"]


@pytest.mark.parametrize(
    ("case", "uid", "activity"),
    [
        ("device_new", 5001, 2),
        ("alert_update", 2004, 2),
        ("alert_close", 2004, 3),
        ("incident_open", 2005, 1),
        ("sensor_started", 6002, 3),
        ("sensor_summary", 0, 99),
    ],
)
def test_ocsf_classes(case: str, uid: int, activity: int) -> None:
    """Class, category and type are consistent, and all required fields are there."""
    made = ocsf.body(RECORDS[case])
    assert (made["class_uid"], made["category_uid"], made["type_uid"]) == (uid, uid // 1000, uid * 100 + activity)
    assert {"activity_id", "metadata", "severity_id", "time"} <= made.keys()
    assert {"product", "version"} <= made["metadata"].keys()


def test_merged_devices_and_tags_have_their_columns() -> None:
    """Rows contain the merged device, the operator's tags, and the name of the device type."""
    record = copy.deepcopy(RECORDS["device_merged"])
    record["device"] |= {"tags": ["finance", "3F"], "criticality": "high", "type": "door_access"}
    row = device_info.body(record)
    assert row is not None
    assert (row["MergedDeviceIds"], row["DeviceManualTags"], row["AssetValue"]) == (
        "dev-1a2b3c",
        '["finance","3F"]',
        "High",
    )
    assert (row["DeviceCategory"], row["DeviceType"], row["OnboardingStatus"]) == ("IoT", "DoorAccess", "Unsupported")


def test_syslog_headers() -> None:
    """Priority from facility and severity, host of one word, BOM before non-ASCII text, sequence number in range."""
    record = copy.deepcopy(RECORDS["alert_open"])
    record["sensor"] |= {"id": "hq 3f–01", "seq": (1 << 31) + 4}
    record["msg"] = "Drucker öffnet"
    line = syslog_5424.encode(record, facility=13).decode()
    assert line.startswith(
        '<107>1 2026-11-24T09:14:07.318442Z hq3f01 sensor - alert.open [meta sequenceId="5"][origin '
    )
    assert line.endswith("] \ufeffDrucker öffnet")
    assert syslog_3164.encode(record, facility=13).startswith(b"<107>Nov 24 09:14:07 hq3f01 sensor: [event@32473 id=")
    record["ts"] = "2026-11-04T09:14:07.318442Z"
    assert syslog_3164.encode(record).startswith(b"<131>Nov  4 09:14:07 ")
