"""sensor search, sensor hunt and sensor records, on the records of the office."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sensor.cli import _records
from sensor.cli.main import main
from tests.golden import Golden
from tests.records.kit_records import office_records

pytestmark = pytest.mark.usefixtures("queries_within")

ROOT = Path(__file__).resolve().parents[2]
CAMERA, NAS = "10.20.10.61", "10.20.10.5"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office_records(tmp_path_factory)


@pytest.fixture
def invoke(office: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Exit code, standard output and standard error of a command on these records."""

    def run(command: str, *arguments: str) -> tuple[int, str, str]:
        code = main([command, *arguments, "--records", str(office)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def found(invoke: Any) -> Any:
    """The rows of a search."""

    def run(*arguments: str) -> list[dict[str, Any]]:
        code, out, _ = invoke("search", *arguments, "--json", "-n", "10000")
        rows = [json.loads(line) for line in out.splitlines()]
        assert code == (0 if rows else 1)
        return rows

    return run


def test_an_address_is_found_in_every_table(found: Any) -> None:
    """An address is found as client, as server, in DNS answers, in DHCP leases and in alerts."""
    rows = found(CAMERA)
    assert {"conn", "dns", "dhcp", "smb", "auth", "alert", "device_history"} <= {row["table"] for row in rows}
    assert all(CAMERA in json.dumps(row) for row in rows)
    assert [row["ts"] for row in rows] == sorted(row["ts"] for row in rows)


def test_times_are_in_the_zone_of_other_commands(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text has the zone that is set; programs get UTC."""

    def time_of(*options: str) -> list[tuple[str, str]]:
        _, out, _ = invoke("search", CAMERA, "-n", "1", *options)
        return re.findall(r"^2026-11-24T(\d\d):\d\d:\d\d(\+01:00|Z)\b", out, re.MULTILINE)

    monkeypatch.setenv("SENSOR_TZ", "Europe/Berlin")
    assert time_of() == [("09", "+01:00")]
    assert time_of("--tz", "UTC") == time_of("--csv") == [("08", "Z")]


def test_times_for_programs_are_rfc_3339(found: Any, invoke: Any) -> None:
    """All records of the sensor have the same notation of times."""
    notation = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
    rows = found(CAMERA)
    assert all(notation.fullmatch(row["ts"]) for row in rows)
    assert [row["ts"] for row in rows] == sorted(row["ts"] for row in rows)
    code, out, _ = invoke(
        "hunt", "sql", "SELECT ts, DATE '2026-11-24' AS day, [ts] AS several FROM conn LIMIT 1", "--json"
    )
    row = json.loads(out)
    assert (code, notation.fullmatch(row["ts"]) is not None) == (0, True)
    assert (row["day"], row["several"]) == ("2026-11-24", [row["ts"]])


def test_a_device_is_found_by_name_id_and_mac(found: Any) -> None:
    """A device is found by name and by id; by MAC address also before it had an IP address."""
    named = found("fs01")
    device = next(row["src_device"] for row in named if row.get("src_ip") == NAS)
    assert found(device) == named
    assert {row["uid"] for row in found("00:11:32:6e:20:b7") if row["table"] == "conn"} >= {
        row["uid"] for row in named if row["table"] == "conn"
    }


def test_a_domain_is_found_with_the_names_below_it(found: Any) -> None:
    """Queries and server names of the domain and its subdomains are found, names with only the same ending are not."""
    whole, one = found("synology.example"), found("checkip.synology.example")
    assert {row["table"] for row in whole} == {"conn", "dns", "tls"}
    assert whole == one != []
    assert found("nology.example") == []


def test_a_block_and_filters(found: Any) -> None:
    rows = found("198.51.100.0/24", "dst_port=443", "proto=tcp")
    assert Counter(row["table"] for row in rows) == {"conn": 113, "tls": 113}
    assert {row["table"] for row in found("src_bytes>100000000")} == set()
    assert {row["service"] for row in found("service=nt*", "state!=S0", "--table", "conn")} == {"ntp"}


def test_addresses_and_macs_in_any_notation(found: Any) -> None:
    """Other notations than those of the records find the same rows, as terms and in filters."""
    link_local = "fe80::7683:c2ff:fe10:4e01"
    for standard, *others in (
        (CAMERA, f"::FFFF:{CAMERA}"),
        (link_local, link_local.upper(), f"{link_local}%eth0", "fe80:0:0:0:7683:c2ff:fe10:4e01"),
    ):
        for form in ("{}", "src_ip={}"):
            rows = found(form.format(standard), "--table", "conn")
            assert rows != []
            assert all(found(form.format(other), "--table", "conn") == rows for other in others)
    rows = found("src_mac=74:83:c2:10:4e:01", "--table", "conn")
    assert rows != []
    assert found("src_mac=74-83-C2-10-4E-01", "--table", "conn") == rows


def test_filters_of_times_and_flags(found: Any) -> None:
    """Times are UTC unless they name a zone."""
    assert (
        found("ts>=2026-11-24T08:10", "--table", "dns") == found("ts>=2026-11-24T09:10+01:00", "--table", "dns") != []
    )
    assert {row["ts"] >= "2026-11-24T08:10" for row in found("ts>=2026-11-24T08:10", "--table", "dns")} == {True}
    assert {row["ech"] for row in found("ech=false")} == {False}


def test_a_time_range_applies_to_every_table(found: Any) -> None:
    """Also to the history of devices, of which queries need the version before the range."""
    since = "2026-11-24T08:05"
    rows = found(CAMERA, "--since", since)
    assert {row["table"] for row in rows} >= {"conn", "device_history"}
    assert min(row["ts"] for row in rows) >= since


def test_one_connection_is_reported_whole(found: Any) -> None:
    """A uid finds the flow, the handshake and the Community ID."""
    uid = found("checkip.synology.example", "--table", "tls")[0]["uid"]
    rows = found("--flow", str(uid))
    assert {row["table"] for row in rows} == {"conn", "tls"}
    assert len({row["community_id"] for row in rows}) == 1


def test_a_community_id_finds_the_connection_and_its_messages(found: Any) -> None:
    """As the search term all tables, as a filter connections only; both also for other values in the search."""
    row = found("checkip.synology.example", "--table", "tls")[0]
    text = row["community_id"]
    whole = found(text)
    assert {one["table"] for one in whole} == {"conn", "tls"}
    assert {one["uid"] for one in whole} == {row["uid"]}
    assert [one["table"] for one in found(f"community_id={text}")] == ["conn"]
    assert found(text, "dst_port=443") == whole
    assert found(text, "dst_port=80") == []


def test_what_is_not_there_is_not_found(golden: Golden, invoke: Any) -> None:
    """A search without a result gives exit code 1, and names the searched data."""
    code, out, err = invoke("search", "203.0.113.250")
    assert code == 1
    assert out.startswith("coverage: 2026-11-24 08:00:01 ")
    assert " 2026-11-24 08:19:34 UTC, 5,058 packets" in out
    golden(err, "203.0.113.250")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["10.0.0.300"],
        ["10.0.0.0/40"],
        ["dst_prot=1"],
        ["dst_port=x"],
        ["dst_port=true"],
        ["self_signed=1"],
        ["ts>yesterday"],
        ["a", "b"],
        ["x", "--table", "con"],
        ["1:LQU9qZlK+B5F3KDmev6m5PMibrg"],
        ["1:"],
        ["community_id=2:LQU9qZlK+B5F3KDmev6m5PMibrg="],
        ["community_id>1:LQU9qZlK+B5F3KDmev6m5PMibrg="],
    ],
)
def test_what_makes_no_sense_is_refused(invoke: Any, arguments: list[str]) -> None:
    code, out, err = invoke("search", *arguments)
    assert (code, out) == (2, "")
    assert "expected" in err or "did you mean" in err


def test_peers_cannot_steer_the_terminal_or_a_spreadsheet(invoke: Any) -> None:
    """CSV has one row for each record, and no formula."""
    code, out, err = invoke("search", NAS, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(rows) == len(out.splitlines()) - 1 > 50
    assert _records._cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert _records._cell("a\x1b[2Jb") == "a [2Jb"
    assert "coverage: " in err


def test_a_time_line_for_people(invoke: Any) -> None:
    """The timeline has devices by type and name, and events."""
    code, out, _ = invoke("search", CAMERA, "service=smb")
    assert code == 0
    assert "camera axis-accc8e4f710a (10.20.10.61)" in out
    assert "nas fs01 (10.20.10.5:445)" in out


def test_since_counts_back_from_the_newest_record(found: Any) -> None:
    """The time span ends at the newest record, since records of a replay are old."""
    rows = found(NAS, "--since", "5m", "--table", "conn")
    assert 0 < len(rows) < len(found(NAS, "--table", "conn"))
    assert min(row["ts"] for row in rows) >= "2026-11-24T08:14:3"


def test_sql(invoke: Any) -> None:
    code, out, err = invoke(
        "hunt", "sql", "SELECT service, count(*) AS n FROM conn WHERE service = 'tls' GROUP BY 1", "--json"
    )
    assert (code, json.loads(out)) == (0, {"service": "tls", "n": 137})
    assert err.startswith("coverage: ")
    code, out, err = invoke("hunt", "sql", "SELECT quer FROM dns")
    assert (code, out) == (2, "")
    assert '"query"' in err
    assert invoke("hunt", "sql", "SELECT 1 WHERE false")[0] == 1


def test_tables_and_columns(invoke: Any) -> None:
    code, out, _ = invoke("hunt", "tables", "--json")
    counts = {row["table"]: row["rows"] for row in map(json.loads, out.splitlines())}
    assert (code, counts["conn"], counts["tls"], counts["http"]) == (0, 753, 137, 0)
    assert '"rcode"' in invoke("hunt", "describe", "dns", "--json")[1]
    assert invoke("hunt", "describe", "dsn")[0] == 2


def test_hunts(invoke: Any) -> None:
    """The port scan of the office is found, and no beacon."""
    code, out, _ = invoke("hunt", "run", "port_scans", "beacons", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [(row["hunt"], row["src_ip"], row["dst_ip"]) for row in rows]) == (
        0,
        [("port_scans", "10.20.10.106", NAS)],
    )
    assert invoke("hunt", "run", "beacons")[0] == 1
    assert invoke("hunt", "run", "port_scan")[0] == 1
    assert invoke("hunt", "list")[0] == 0
    assert "techniques: [T1046]" in invoke("hunt", "show", "port_scans")[1]


def test_status_and_export(invoke: Any, tmp_path: Path) -> None:
    code, out, _ = invoke("records", "--json")
    assert (code, {row["table"]: row["rows"] for row in map(json.loads, out.splitlines())}["conn"]) == (0, 753)
    assert invoke("records", "export", "--format", "csv", "--output", str(tmp_path), "--table", "conn")[0] == 0
    assert len((tmp_path / "conn.csv").read_text().splitlines()) == 754
    assert invoke("records", "export", "--table", "con")[0] == 2


def test_kql_gives_what_sql_gives(invoke: Any) -> None:
    """KQL gives the same result on our tables and on Defender's; times count back from the newest record."""
    sql = "SELECT dst_port, count(*) AS n FROM conn WHERE proto = 'tcp' GROUP BY 1 ORDER BY n DESC, dst_port LIMIT 5"
    kql = "conn | where proto == 'tcp' and ts > ago(7d) | summarize n = count() by dst_port"
    code, out, _ = invoke("hunt", "kql", f"{kql} | order by n desc, dst_port asc | take 5", "--json")
    assert (code, out) == (0, invoke("hunt", "sql", sql, "--json")[1])
    code, out, _ = invoke("hunt", "kql", "DeviceNetworkEvents | where RemotePort == 445 | count", "--json")
    counted = invoke(
        "hunt", "sql", 'SELECT count(*) AS "Count" FROM DeviceNetworkEvents WHERE RemotePort = 445', "--json"
    )
    assert (code, out) == (0, counted[1])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("conn | evaluate autocluster()", "records.kql-unsupported"),
        ("externaldata(a: string)['https://a.example/x.csv']", "records.kql-unsupported"),
        ("conn | wherex dst_port", "records.invalid-query"),
        ("no_such_table | take 1", "records.invalid-query"),
        (".drop table conn", "records.kql-unsupported"),
    ],
)
def test_kql_that_cannot_be_translated_is_refused(query: str, code: str, invoke: Any) -> None:
    exit_code, out, err = invoke("hunt", "kql", query)
    assert (exit_code, out) == (2, "")
    assert code in err


def test_top_talkers(invoke: Any) -> None:
    """JSON, CSV and the table have the same rows; a host and filters narrow them."""
    code, out, err = invoke("records", "top", "--json", "-n", "4", NAS)
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, len(rows), "coverage: " in err) == (0, 4, True)
    table = list(csv.DictReader(io.StringIO(invoke("records", "top", "--csv", "-n", "4", NAS)[1])))
    assert [(one["host"], int(one["bytes"])) for one in table] == [(one["host"], one["bytes"]) for one in rows]
    lines = invoke("records", "top", "-n", "4", NAS)[1].splitlines()
    assert lines[0].split() == "CLIENT SERVER SERVICES SENT RECEIVED BYTES SHARE CONNECTIONS".split()
    assert [line.split()[0] for line in lines[1:5]] == [one["name"] or one["host"] for one in rows]
    by_service = invoke("records", "top", "--json", "--by", "service", NAS, f"src_ip={CAMERA}")[1]
    assert {json.loads(line)["host"] for line in by_service.splitlines()} == {"smb", "udp/50100"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["dst_port=9"], 1), (["dst_prot=9"], 2), (["nothing"], 2), (["--by", "flow"], 2), (["query=a"], 2)],
)
def test_top_talkers_without_a_result(invoke: Any, arguments: list[str], code: int) -> None:
    if "--by" in arguments:
        with pytest.raises(SystemExit) as stop:
            invoke("records", "top", *arguments)
        assert stop.value.code == code
        return
    assert invoke("records", "top", *arguments)[0] == code


def test_without_kql_it_reports_how_to_install_it(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensor.records.kql.PACKAGE", "no_such_package")
    code, _, err = invoke("hunt", "kql", "conn | take 1")
    assert code == 3
    assert "records.kql-not-installed" in err


def test_without_the_extra_it_reports_how_to_install_it(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensor.records.installed.NEEDED", ("pyarrow", "no_such_package"))
    monkeypatch.setattr("sensor.records.installed.installed", lambda: False)
    code, out, err = invoke("search", NAS)
    assert (code, out) == (3, "")
    assert "pip install 'passive-network-sensor[hunt]'" in err


def test_without_records_it_reports_what_to_do(
    golden: Golden, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an empty folder, and for a dataset without records, the result is unknown, not empty."""
    assert main(["search", "10.0.0.1", "--records", str(tmp_path)]) == 3
    golden(capsys.readouterr().err, "traffic")
    config = tmp_path / "sensor.yaml"
    config.write_text("records: {enabled: false}\n")
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "state"))
    assert main(["replay", str(ROOT / "pcaps" / "office.pcapng"), "--config", str(config)]) == 0
    assert main(["search", "10.20.10.5"]) == 6
    assert "traffic records: unknown" in capsys.readouterr().err


def test_a_replay_keeps_records_in_its_dataset(
    golden: Golden, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay of the same capture replaces them; the first line names the dataset."""
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path))
    for _ in range(2):
        assert main(["replay", str(ROOT / "pcaps" / "office.pcapng")]) == 0
    capsys.readouterr()
    assert main(["hunt", "sql", "SELECT count(*) AS n FROM conn"]) == 0
    golden(capsys.readouterr().out.splitlines()[0])
    assert main(["hunt", "sql", "SELECT count(*) AS n FROM conn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"n": 753}
    assert (tmp_path / "datasets" / "office" / "records" / "manifest.db").exists()
