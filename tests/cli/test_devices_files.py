"""sensor devices import, export, diff."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from sensor.core.spreadsheet import plain, safe
from sensor.inventory.foreign_list import rows_of
from tests.golden import Golden
from tests.runtime.test_keeper import Run


@pytest.fixture
def invoke(run_cli, inventory: Path):
    """Runs an action on the inventory."""

    def run(*arguments: str):
        return run_cli("devices", *arguments, "--state", str(inventory), "--author", "anna")

    return run


def rows(text: str) -> dict[str, dict[str, str]]:
    return {row.get("ips") or row.get("name", ""): row for row in csv.DictReader(io.StringIO(text))}


def test_export_and_back(golden: Golden, invoke, tmp_path: Path) -> None:
    """An exported table matches the inventory and imports without changes; a changed cell becomes a correction."""
    path = tmp_path / "devices.csv"
    assert invoke("export", str(path)).out == f"4 devices in {path}\n"
    golden(invoke("diff", str(path)).out)
    assert invoke("import", str(path)).out == "rows read: 4; attributes set: 0; faults: 0\n"
    path.write_text(path.read_text().replace("printer", "scale"))
    assert invoke("import", str(path)).out == "rows read: 4; attributes set: 1; faults: 0\n"
    assert [json.loads(line)["hostname"] for line in invoke("type=scale", "--json").lines] == ["PRN"]


def test_netbox_and_back(golden: Golden, invoke, tmp_path: Path) -> None:
    """Placeholders that NetBox requires for unknown values are not imported as values."""
    path = tmp_path / "netbox.csv"
    assert invoke("export", "--format", "netbox", "--site", "HQ", str(path)).out == f"4 devices in {path}\n"
    assert "Unknown" in path.read_text()
    golden(invoke("diff", str(path)).out)
    assert invoke("import", str(path)).out == "rows read: 4; attributes set: 0; faults: 0\n"


def test_csv_holds_no_formula(invoke) -> None:
    """A name that looks like a formula stays text, in export and import."""
    for arguments in (("export",), ("--csv",), ("export", "--format", "netbox")):
        out = invoke(*arguments).out
        assert "'=cmd|calc" in out
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in csv.reader(io.StringIO(out)) for cell in row)
    for text in ("=1+1", "+1", "-1", "@x", "\tx", "plain", ""):
        assert plain(safe(text)) == text


def test_netbox_columns(invoke) -> None:
    """The export has NetBox's columns; importing them finds the same devices."""
    out = rows(invoke("export", "--format", "netbox", "--site", "HQ").out)
    printer = out["PRN"]
    assert (printer["role"], printer["manufacturer"], printer["device_type"], printer["status"], printer["site"]) == (
        "printer",
        "Kyocera",
        "X",
        "active",
        "HQ",
    )
    assert "00:17:c8:1a:2b:3c" in printer["comments"]


def test_import_of_other_people_s_lists(golden: Golden, invoke, inventory: Path, tmp_path: Path) -> None:
    """NetBox's headers and values, another delimiter, invalid cells reported with their place, unseen MAC addresses
    stored for later.
    """
    path = tmp_path / "netbox.csv"
    path.write_text(
        "Name;Role;Manufacturer;Type;Serial number;IP Address;MAC Address;Criticality\n"
        "lobby;IP Camera;Hanwha Vision;XNV-1;S1;10.0.0.9/24;;high\n"
        "later;ip-phone;Yealink;T54W;;;80:5e:c0:00:00:01;\n"
        "odd;Blinkenlights;Kyocera;;;10.0.0.10;;\n"
        "nobody;printer;;;;;;\n",
        encoding="utf-8-sig",
    )
    result = invoke("import", str(path))
    assert result.code == 1  # faults; the valid values are stored
    golden(result.out)
    golden(result.err.splitlines())
    with Run(inventory) as run:
        run.story.sends("80:5e:c0:00:00:01", "10.0.0.77", "http.server", "model=Z").at(20)
        phone, camera = run.story.who("80:5e:c0:00:00:01"), run.story.who("00:17:c8:1a:2b:3c")
        assert (phone.type, phone.label) == ("voip_phone", "later")
        assert (camera.type, camera.value("model"), camera.value("criticality")) == ("camera", "XNV-1", "high")


def test_import_of_json(invoke, tmp_path: Path) -> None:
    """A list of objects is accepted, also NetBox's nested ones and the output of --json."""
    path = tmp_path / "devices.json"
    path.write_text(
        json.dumps(
            [
                {
                    "name": "lobby",
                    "role": {"name": "camera"},
                    "device_type": {"model": "XNV-1"},
                    "primary_ip4": {"address": "10.0.0.9/24"},
                }
            ]
        )
    )
    assert invoke("import", str(path)).out == "rows read: 1; attributes set: 3; faults: 0\n"
    lines = tmp_path / "lines.json"
    lines.write_text(invoke("--json").out)
    assert invoke("import", str(lines)).out == "rows read: 4; attributes set: 0; faults: 0\n"


def test_addresses_in_any_notation_are_those_of_records() -> None:
    """Other programs write IPv6 addresses with zeros and in upper case."""
    text = b"name,ip\nlobby,2001:DB8:0:0::00A9\ndoor,10.0.0.9/24\nhall,somewhere\n"
    assert [one.row["ips"] for one in rows_of("x", text)] == ["2001:db8::a9", "10.0.0.9", "somewhere"]


def test_diff(invoke, tmp_path: Path) -> None:
    """Missing, different and unexpected devices are listed; exit code 1."""
    path = tmp_path / "expected.csv"
    path.write_text(
        "mac,type,vendor,name\n00:17:c8:1a:2b:3c,camera,KYOCERA,PRN\n00:17:c8:00:00:99,tv,,Hall\nac:cc:8e:00:00:01,camera,Axis,\n"
    )
    result = invoke("diff", str(path), "--json")
    found = [json.loads(line) for line in result.lines]
    assert result.code == 1
    assert [(one["difference"], one.get("field"), one.get("expected"), one.get("found", "")[:11]) for one in found] == [
        ("different", "type", "camera", "printer"),
        ("missing", None, None, ""),
        ("unexpected", None, None, "workstation"),
        ("unexpected", None, None, "unknown Y 1"),
    ]
    assert "DIFFERENCE" in invoke("diff", str(path)).out
    assert invoke("diff", str(path), "--csv").lines[0] == "difference,device,field,expected,found"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "[{",
        '[{"vlan": ' + "1" * 5000 + "}]",
        'a,b\n"x',
        b"\xff\xfe",
    ],
)
def test_files_that_are_none(golden: Golden, invoke, tmp_path: Path, text: str | bytes) -> None:
    """A file of another format is reported in one line, exit code 3."""
    path = tmp_path / "list"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for action in ("import", "diff"):
        result = invoke(action, str(path))
        assert (result.code, result.errors) == (3, ("file.not-read",))
        golden(result.err)
        assert result.err.count("\n") == 1
