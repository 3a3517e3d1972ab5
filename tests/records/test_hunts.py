"""Hunts find their attack and ignore benign look-alikes. Each runs on real files, as for a user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sensor.records.columns import arrow_schema
from sensor.records.hunts_library import hunt, library
from sensor.records.query import Query
from sensor.records.schema import TABLES
from sensor.records.writer import Writer

pytestmark = pytest.mark.usefixtures("queries_within")

US = 1_000_000
Row = dict[str, Any]


def _row(table: str, ts: float, usual: Row, given: Row) -> Row:
    return {"table": table, "ts": ts} | usual | given


def _device(device: str, kind: str) -> Row:
    return {"table": "device_history", "ts": 0, "device": device, "type": kind, "name": device, "action": "new"}


def _conn(ts: float = 0, **given: Any) -> Row:
    usual = {
        "src_ip": "10.0.0.5", "src_device": "dev-a", "dst_ip": "203.0.113.9", "dst_port": 443, "proto": "tcp",
        "state": "SF", "direction": "outbound",
        "duration": 1.0, "src_bytes": 1000, "dst_bytes": 1000, "src_packets": 5, "dst_packets": 5,
    }  # fmt: skip
    return _row("conn", ts, usual, given)


def _dns(ts: float = 0, **given: Any) -> Row:
    usual = {
        "src_ip": "10.0.0.5", "src_device": "dev-a", "dst_ip": "10.0.0.1", "dst_port": 53, "proto": "udp",
        "service": "dns",
        "query": "www.example.com", "qtype": "A", "rcode": "NOERROR",
    }  # fmt: skip
    return _row("dns", ts, usual, given)


def _tls(ts: float = 0, **given: Any) -> Row:
    usual = {
        "src_ip": "10.0.0.5", "src_device": "dev-a", "dst_ip": "203.0.113.9", "dst_port": 443, "proto": "tcp",
        "version": "TLS 1.3",
        "sni": "www.example.com", "ja4": "t13d1516h2_8daaf6152771_02713d6af862",
    }  # fmt: skip
    return _row("tls", ts, usual, given)


def _auth(ts: float = 0, **given: Any) -> Row:
    usual = {
        "src_ip": "10.0.0.5",
        "src_device": "dev-a",
        "dst_ip": "10.0.0.9",
        "dst_port": 22,
        "service": "ssh",
        "user": "root",
        "result": "refused",
    }
    return _row("auth", ts, usual, given)


def _http(ts: float = 0, **given: Any) -> Row:
    usual = {
        "src_ip": "10.0.0.5", "src_device": "dev-a", "dst_ip": "203.0.113.9", "dst_port": 80, "method": "GET",
        "host": "www.example.com", "uri": "/",
        "status": 200,
    }  # fmt: skip
    return _row("http", ts, usual, given)


def _smb(ts: float = 0, **given: Any) -> Row:
    usual = {
        "src_ip": "10.0.0.5", "src_device": "dev-a", "dst_ip": "10.0.0.9", "dst_port": 445, "operation": "write",
        "share": "C$", "file": "a.txt",
        "executable": False,
    }  # fmt: skip
    return _row("smb", ts, usual, given)


# Hunt -> rows that it finds, and rows that it ignores.
STORIES: dict[str, tuple[list[Row], list[Row]]] = {
    "top_talkers": (
        [_conn(src_bytes=5000000)],
        [_conn()],
    ),
    "data_out": (
        [_conn(src_bytes=50000000)],
        [_conn(src_bytes=50000000, dst_bytes=60000000)],
    ),
    "first_seen_destination": (
        [_device("dev-a", "camera"), _device("dev-b", "camera"), _device("dev-c", "camera"), _conn()],
        [
            _device("dev-a", "camera"),
            _device("dev-b", "camera"),
            _device("dev-c", "camera"),
            _conn(),
            _conn(src_device="dev-b"),
        ],
    ),
    "beacons": (
        [_conn(60 * i) for i in range(25)],
        [_conn(i * i * 7) for i in range(25)],
    ),
    "rare_ja4": (
        [_device(x, "printer") for x in ("dev-a", "dev-b", "dev-c")]
        + [_tls(src_device=x) for x in ("dev-a", "dev-b", "dev-c")]
        + [_tls(ja4="t12d010100_111111111111_222222222222")],
        [_device(x, "printer") for x in ("dev-a", "dev-b", "dev-c")]
        + [_tls(src_device=x) for x in ("dev-a", "dev-b", "dev-c")],
    ),
    "long_connections": (
        [_conn(duration=20000.0)],
        [_conn()],
    ),
    "unusual_resolver": (
        [_dns(src_ip=f"10.0.0.{i}") for i in range(5, 10)] + [_dns(dst_ip="198.51.100.53")],
        [_dns(src_ip=f"10.0.0.{i}") for i in range(5, 10)],
    ),
    "fixed_function_public_names": (
        [_device("dev-a", "printer")] + [_dns(query=f"n{i}.example.com") for i in range(12)],
        [_device("dev-a", "printer"), _dns()],
    ),
    "new_admin_protocol": (
        [_conn(0), _conn(1000, dst_ip="10.0.0.9", dst_port=3389, direction="internal")],
        [
            _conn(0, dst_ip="10.0.0.9", dst_port=3389, direction="internal"),
            _conn(1000, dst_ip="10.0.0.9", dst_port=3389, direction="internal"),
        ],
    ),
    "certificate_reuse": (
        [_tls(sha256="a" * 64, self_signed=True), _tls(sha256="a" * 64, self_signed=True, dst_ip="203.0.113.10")],
        [_tls(sha256="a" * 64, self_signed=True)],
    ),
    "self_signed_outside": (
        [_tls(self_signed=True, subject="CN=x")],
        [_tls(self_signed=True, dst_ip="10.0.0.9"), _tls(self_signed=False)],
    ),
    "expired_certificates": (
        [_tls(1000, not_before=0, not_after=10)],
        [_tls(1000, not_before=0, not_after=10**6)],
    ),
    "smb_program_writes": (
        [_smb(file="x.dat", executable=True)],
        [_smb()],
    ),
    "mass_rename": (
        [_smb(i, operation="rename", file=f"f{i}") for i in range(60)],
        [_smb(i, operation="rename", file=f"f{i}") for i in range(5)],
    ),
    "failed_then_success": (
        [_auth(i) for i in range(6)] + [_auth(10, result="accepted")],
        # A success before most failures; and failures over a day.
        [_auth(0), _auth(1, result="accepted"), *(_auth(i) for i in range(2, 9))]
        + [_auth(3000 * i, src_ip="10.0.0.77") for i in range(9)]
        + [_auth(24001, src_ip="10.0.0.77", result="accepted")],
    ),
    "password_spray": (
        [_auth(i, user=f"u{i}") for i in range(6)],
        [_auth(i) for i in range(20)],
    ),
    "account_guessing": (
        [_auth(i, user=f"u{i}", result="no such account") for i in range(4)],
        [_auth(i, user=f"u{i}") for i in range(4)],
    ),
    "cleartext_logins": (
        [_auth(service="telnet")],
        [_auth()],
    ),
    "silent_devices": (
        [_device("dev-a", "camera")] + [_conn(i) for i in range(12)] + [_conn(100000, src_device="dev-b")],
        [_device("dev-a", "camera")] + [_conn(1000 * i) for i in range(12)],
    ),
    "nxdomain": (
        [_dns(query=f"x{i}zq.example", rcode="NXDOMAIN") for i in range(25)],
        [_dns(query="one.example", rcode="NXDOMAIN") for i in range(25)],
    ),
    "long_names": (
        [_dns(query=f"{i:060d}.evil.example") for i in range(12)],
        [_dns(query="a.evil.example") for i in range(12)],
    ),
    "rare_query_types": (
        [_dns(qtype="AXFR")],
        [_dns(qtype="TXT")],
    ),
    "encrypted_dns": (
        [_conn(sni="dns.google")],
        [_conn(sni="www.google.com")],
    ),
    "old_tls": (
        [_tls(version="TLS 1.0")],
        [_tls()],
    ),
    "tls_without_name": (
        [_tls(sni=None)],
        [_tls(), _tls(sni=None, dst_ip="10.0.0.9")],
    ),
    "rare_user_agent": (
        [_http(user_agent="curl/8.5")],
        [_http(user_agent="Mozilla/5.0"), _http(user_agent="Mozilla/5.0", src_ip="10.0.0.6")],
    ),
    "program_downloads": (
        [_http(uri="/a/x.exe")],
        [_http()],
    ),
    "http_to_address": (
        [_http(host="203.0.113.9")],
        [_http()],
    ),
    "inbound": (
        [_conn(src_ip="203.0.113.9", src_device=None, dst_ip="10.0.0.9", direction="inbound")],
        [_conn(), _conn(direction="inbound", state="S0")],
    ),
    "scanners": (
        [_conn(state="S0", dst_ip=f"10.0.1.{i}", direction="internal") for i in range(25)],
        [_conn(dst_ip=f"10.0.1.{i}") for i in range(25)],
    ),
    "port_scans": (
        [_conn(state="REJ", dst_port=i) for i in range(1, 20)],
        [_conn(dst_port=i) for i in range(1, 20)],
    ),
    "ssh_outbound": (
        [_conn(service="ssh", dst_port=22)],
        [_conn(service="tls")],
    ),
    "rare_ssh_client": (
        [{"table": "ssh", "ts": 0, "src_ip": "10.0.0.5", "dst_ip": "10.0.0.9", "hassh": "ab", "client": "libssh"}],
        [
            {"table": "ssh", "ts": 0, "src_ip": x, "dst_ip": "10.0.0.9", "hassh": "ab", "client": "OpenSSH"}
            for x in ("10.0.0.5", "10.0.0.6")
        ],
    ),
    "odd_ports": (
        [_conn(service="ssh", dst_port=4444)],
        [_conn(service="ssh", dst_port=22)],
    ),
    "remote_access_tools": (
        [_dns(query="relay-1.anydesk.com")],
        [_dns()],
    ),
    "llmnr_answers": (
        [_dns(service="llmnr", query=x, answers=["10.0.0.66"], dst_ip="10.0.0.66") for x in ("a", "b", "c")],
        [_dns(service="llmnr", query="a", answers=["10.0.0.66"], dst_ip="10.0.0.66")],
    ),
    "dhcp_servers": (
        [
            {
                "table": "dhcp",
                "ts": 0,
                "message": "offer",
                "server_id": "10.0.0.66",
                "client_mac": "00:11:22:33:44:55",
                "src_ip": "10.0.0.7",
                "dst_ip": "10.0.0.66",
            }
        ],
        [{"table": "dhcp", "ts": 0, "message": "discover", "src_ip": "0.0.0.0", "dst_ip": "255.255.255.255"}],
    ),
    "sip_registrations_refused": (
        [
            {
                "table": "sip",
                "ts": 0,
                "src_ip": "10.0.0.5",
                "dst_ip": "10.0.0.9",
                "method": "REGISTER",
                "status": 403,
                "callee": "100@x",
            }
        ],
        [
            {
                "table": "sip",
                "ts": 0,
                "src_ip": "10.0.0.5",
                "dst_ip": "10.0.0.9",
                "method": "REGISTER",
                "status": 200,
                "callee": "100@x",
            }
        ],
    ),
    "alerts_in_context": (
        [
            {
                "table": "alert",
                "ts": 0,
                "alert": "alert-1",
                "action": "open",
                "title": "x",
                "severity": "high",
                "src_device": "dev-a",
            },
            _conn(),
        ],
        [
            {
                "table": "alert",
                "ts": 0,
                "alert": "alert-1",
                "action": "open",
                "title": "x",
                "severity": "low",
                "src_device": "dev-a",
            },
            _conn(),
        ],
    ),
}


def written(folder: Path, rows: list[Row]) -> Path:
    """Records with these rows, written by the writer."""
    writer = Writer(folder, print)
    for name in {row["table"] for row in rows}:
        schema = arrow_schema(TABLES[name])
        some = [{key: value for key, value in row.items() if key != "table"} for row in rows if row["table"] == name]
        for row in some:
            row |= {key: int(row[key] * US) for key in ("ts", "not_before", "not_after") if key in row}
        table = pa.Table.from_pylist(some, schema=schema)
        with writer.manifest.transaction():
            writer.manifest.add(writer.file(name, 0, [table]))
    writer.close()
    return folder


def hits(folder: Path, name: str) -> int:
    query = Query(folder)
    try:
        return len(query.run(hunt(library()[name]).sql).rows)
    finally:
        query.close()


@pytest.mark.parametrize("name", sorted(library()))
def test_a_hunt_finds_its_story_and_passes_over_the_benign_twin(tmp_path: Path, name: str) -> None:
    finds, passes = STORIES[name]
    assert hits(written(tmp_path / "finds", finds), name) > 0
    assert hits(written(tmp_path / "passes", passes), name) == 0


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("scanners", [_conn(state="S0", dst_ip=f"223.0.1.{i}") for i in range(25)], 1),
        ("scanners", [_conn(state="S0", dst_ip=f"{224 + i % 16}.0.1.{i}") for i in range(30)], 0),
        ("scanners", [_conn(state="S0", dst_ip=f"ff02::{i}", proto="udp") for i in range(1, 30)], 0),
        ("http_to_address", [_http(host="[2001:db8::9]:8080", dst_ip="2a00::9")], 1),
        ("cleartext_logins", [_auth(service="vnc")], 0),
    ],
)
def test_notations_and_groups_in_hunts(tmp_path: Path, name: str, rows: list[Row], expected: int) -> None:
    """Public addresses below 224.0.0.0 are hosts, multicast groups are not; addresses of IPv6 are in brackets; a
    challenge is not a password.
    """
    assert hits(written(tmp_path, rows), name) == expected


def test_each_hunt_is_documentation() -> None:
    """Each has a title, a reason, ATT&CK techniques, and an example in the test above."""
    assert set(library()) == set(STORIES)
    assert len(library()) >= 30
    for path in library().values():
        one = hunt(path)
        assert one.techniques
        assert len(one.description) > len(one.title)
