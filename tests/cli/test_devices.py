"""sensor devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sensor.cli._show import device_table
from sensor.eventlog.fold import Fold
from tests.cli.conftest import LOG, device, record
from tests.cli.faults import reports
from tests.golden import Golden


def test_the_table(run_cli, log: Path) -> None:
    """Devices are sorted by type, vendor, model and address, unknown ones last; then their number is printed."""
    result = run_cli("devices", "--events", str(log))
    alerts = [line[108:] for line in result.lines[:-1]]
    assert [line[:108].rstrip() for line in result.lines] == [
        "TYPE         VENDOR     MODEL  NAME    ADDRESS    MAC                CONFIDENCE  LAST SEEN",
        "camera       Axis       P3245  -       10.0.0.12  00:17:c8:00:00:0c  0.90        2026-11-24T09:20:00Z",
        "camera       Hikvision  -      -       10.0.0.13  00:17:c8:00:00:0d  -           2026-11-24T09:20:00Z gone",
        "printer      Kyocera    -      PRN-3F  10.0.0.10  00:17:c8:00:00:0a  0.88        2026-11-24T09:20:00Z",
        "workstation  -          -      evil    10.0.0.9   00:17:c8:00:00:09  0.60        2026-11-24T09:20:00Z",
        "unknown      -          -      -       10.0.0.11  00:17:c8:00:00:0b  -           2026-11-24T09:20:00Z",
        "5 devices: 2 camera, 1 printer, 1 workstation, 1 unknown",
    ]
    assert alerts == ["OPEN ALERTS", "-", "-", "-", "medium (1)", "-"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["type=camera"], [12, 13]), (["type=camera", "vendor=AXI"], [12]),
        (["type=camera", "type=printer"], [10, 12, 13]), (["type=cam"], []),
        (["vlan=30"], [10]), (["prn"], [10]), (["10.0.0.1", "hik"], [13]), (["state=gone"], [13]),
        (["mac=00:0c"], [12]), (["name=evil", "os=windows"], [9]),
        (["contested=type"], [10]), (["type!=camera", "state=present"], [9, 10, 11]),
        (["seen<1h"], [9, 10, 11, 12, 13]), (["seen>1h"], []),
        (["confidence>0.7"], [10, 12]), (["first<1m"], []),
        (["list"], [9, 10, 11, 12, 13]), (["list", "type=camera"], [12, 13]),
    ],
)  # fmt: skip
def test_filters(run_cli, filters: list[str], found: list[int]) -> None:
    """The same key twice means OR, different keys mean AND, plain words are searched in all columns."""
    result = run_cli("devices", "--json", *filters)
    assert sorted(int(json.loads(line)["id"][4:]) for line in result.lines) == found


def test_an_unknown_key(golden: Golden, run_cli) -> None:
    """An unknown key is a usage error with the nearest key."""
    result = run_cli("devices", "vendr=axis")
    assert result.code == 2
    golden(result.err)


@pytest.mark.parametrize(
    ("word", "output"),
    [
        ("sene<24h", ("usage.unknown-filter", "'sene'", "seen")),
        ("seen<soon", ("usage.unknown-filter", "'soon'")),
        ("seen<999999999999w", ("usage.unknown-filter", "999999999999w")),
        ("confidence>x", ("usage.unknown-filter", "'x'")),
    ],
)
def test_a_comparison_that_is_none(run_cli, word: str, output: tuple[str, ...]) -> None:
    """An invalid comparison is a usage error with what was expected."""
    result = run_cli("devices", word)
    assert result.code == 2
    assert reports(result, *output), result.err


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("ip", [9, 10, 11, 12, 13]),
        ("-ip", [13, 12, 11, 10, 9]),
        ("confidence", [9, 10, 12, 11, 13]),
        ("-confidence", [12, 10, 9, 11, 13]),
        ("vendor", [12, 13, 10, 11, 9]),
    ],
)
def test_order(run_cli, column: str, found: list[int]) -> None:
    """Devices are sorted by any column in either direction; those without a value are last."""
    result = run_cli("devices", "--json", f"--sort={column}")
    assert [int(json.loads(line)["id"][4:]) for line in result.lines] == found
    assert run_cli("devices", "--sort=colour").code == 2


def test_software_and_location(run_cli, log: Path) -> None:
    """Attributes without a column of their own in the table are filters and sort keys too."""
    with log.open("a") as file:
        for number, program in ((21, "Samba"), (22, "nginx 1.26.3, Samba")):
            file.write(json.dumps(device(number, "server", attributes={"software": program, "location": "Lab"})) + "\n")

    def found(*words: str) -> list[int]:
        return [int(json.loads(line)["id"][4:]) for line in run_cli("devices", "--json", *words).lines]

    assert found("software=NGINX") == [22]
    assert found("location=lab", "--sort=software") == [22, 21]
    assert found("software!=samba", "type=server") == []


def test_summary(run_cli) -> None:
    """The summary counts devices by type and VLAN."""
    rows = [line.split() for line in run_cli("devices", "--summary").lines]
    assert rows == [
        ["TYPE", "UNTAGGED", "VLAN", "30", "ALL"],
        ["camera", "2", "-", "2"],
        ["printer", "-", "1", "1"],
        ["unknown", "1", "-", "1"],
        ["workstation", "1", "-", "1"],
        ["all", "4", "1", "5"],
    ]


def test_csv(run_cli) -> None:
    """CSV has a header and a row for each device."""
    lines = run_cli("devices", "--csv", "type=printer").lines
    assert lines[0].startswith("id,type,vendor,model,")
    assert lines[1].startswith("dev-10,printer,Kyocera,,")
    assert lines[0].endswith(",open_alerts,alert_severity")
    assert lines[1].endswith(",0,")


def test_open_alerts(run_cli, log: Path, inventory: Path) -> None:
    """The most severe and the number, and the order by them; unknown for an inventory without an event log."""
    with log.open("a") as file:
        for number, (host, severity) in enumerate(((12, "low"), (10, "medium"), (10, "low"), (9, "high"))):
            source = {"ip": f"10.0.0.{host}", "device": f"dev-{host}"}
            alert = {"id": f"alert-{number}", "detector": "discovery.port_scan", "key": str(number)}
            file.write(json.dumps(record("alert", "open", "scan", severity, src=source, alert=alert)) + "\n")
    rows = {row["id"]: row for row in map(json.loads, run_cli("devices", "--json", "--sort=-open_alerts").lines)}
    assert list(rows)[:3] == ["dev-9", "dev-10", "dev-12"]
    assert [rows["dev-10"][name] for name in ("open_alerts", "alert_severity")] == [2, "medium"]
    assert run_cli("devices", "--sort=-open_alerts").lines[2].endswith("medium (2)")
    (line, *_) = run_cli("devices", "--json", "--state", str(inventory)).lines
    assert json.loads(line)["open_alerts"] is None
    assert run_cli("devices", "--state", str(inventory)).lines[1].endswith("unknown")


def test_which_of_log_and_inventory_is_read(
    run_cli, log: Path, monkeypatch: pytest.MonkeyPatch, inventory: Path
) -> None:
    """The inventory of a dataset is read, or its log when it has none; --events reads a log alone."""
    monkeypatch.setenv("SENSOR_STATE", str(inventory))
    assert run_cli("devices").lines[-1].startswith("4 devices: ")
    assert run_cli("devices", "--state", str(inventory)).lines[-1].startswith("4 devices: ")
    assert run_cli("devices", "--state", str(log.parent)).lines[-1].startswith("5 devices: ")
    assert run_cli("devices", "--events", str(log)).lines[-1].startswith("5 devices: ")


def test_none(run_cli) -> None:
    """An empty table is printed as a sentence."""
    assert run_cli("devices", "type=scale").out == "no devices match\n"
    assert "'lst'" in run_cli("devices", "lst").out


def test_on_a_terminal() -> None:
    """A terminal gets lines and colours, and fewer columns if it is narrow; the devices are the same, and names from
    the network are not markup.
    """

    class Terminal:
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            raise OSError

    fold = Fold()
    for one in LOG:
        fold.add(one)
    fold.add(device(9, "workstation", hostname="[red]x"))
    text = device_table(fold, Terminal())  # type: ignore[arg-type]
    assert "\033[1m" in text
    assert "[red]x" in text
    assert "10.0.0.12" in text
    assert "00:17:c8:00:00:0c" not in text
    assert text.endswith("5 devices: 2 camera, 1 printer, 1 workstation, 1 unknown")


@pytest.mark.parametrize(
    ("word", "near"),
    [("type=camra", "camera"), ("type!=printr", "printer"), ("state=presnt", "present"), ("criticality=hgh", "high")],
)
def test_a_value_that_no_device_can_have(run_cli, word: str, near: str) -> None:
    """An impossible filter value is an error, not an empty result: exit code 2, with the nearest value."""
    result = run_cli("devices", word)
    assert (result.code, result.out, result.errors) == (2, "", ("usage.unknown-filter",))
    assert f"did you mean {near!r}?" in result.err


def test_devices_for_programs(run_cli, log: Path) -> None:
    """JSON has the current attributes of each device, not its last log record; `import` accepts it."""
    result = {one["id"]: one for one in map(json.loads, run_cli("devices", "--json").lines)}
    assert (result["dev-10"]["type"], result["dev-10"]["state"], result["dev-13"]["state"]) == (
        "printer",
        "present",
        "gone",
    )
    assert not {"ts", "kind", "action", "msg", "device"} & result["dev-10"].keys()


@pytest.mark.parametrize("command", ["alerts", "devices", "tail", "report -o -", "explain x"])
def test_a_file_that_is_no_event_log(run_cli, tmp_path: Path, root: Path, command: str) -> None:
    """A file of another format, such as a capture, gives exit code 3 with the expected format, not an empty result."""
    arguments = ["--format", "json"] if command.startswith("report") else []
    result = run_cli(*command.split(), *arguments, "--events", str(root / "pcaps" / "office.pcapng"))
    assert (result.code, result.out) == (3, "")
    assert reports(result, "log.not-an-event-log", "office.pcapng", "JSON"), result.err
