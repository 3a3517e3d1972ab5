"""Exports as other programs read them, and the agreement of connections with Wireshark's."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sensor.records.export import export
from sensor.records.hunt_tests import write_rows
from sensor.records.readable import Range, readable
from tests.capture.captures import Frame, pcap
from tests.kit import ethernet, ipv4
from tests.records.agreement import PROTOCOLS, agreement, compared, conversations, ours
from tests.records.kit_records import office_records, replayed, rows


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office_records(tmp_path_factory)


def exported(folder: Path, form: str, out: Path) -> dict[str, int]:
    within = Range()
    files, left_out = readable(folder, within)
    assert left_out == []
    return {path.name: count for path, count in export(folder, files, within, form, out).items()}


def test_zeek_logs_are_read_as_zeek_cut_reads_them(office: Path, tmp_path: Path) -> None:
    """Fields are named in #fields and separated by tabs; every line has as many fields as types."""
    made = exported(office, "zeek", tmp_path)
    assert (made["conn.log"], made["ssl.log"], made["dns.log"]) == (753, 137, 190)
    program = """/^#fields/ { for (i = 2; i <= NF; i++) at[$i] = i - 1 } /^#/ { next } { print $at["id.orig_h"], $at["service"], $at["conn_state"], NF }"""
    reported = subprocess.run(
        ["awk", "-F", "\t", program, str(tmp_path / "conn.log")], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split() for line in reported.splitlines()]
    assert Counter(service for _, service, _, _ in lines)["ssl"] == 137
    assert {count for *_, count in lines} == {"25"}
    for path in tmp_path.glob("*.log"):
        heads = [line.split("\t") for line in path.read_text().splitlines()]
        fields, types = (
            next(line for line in heads if line[0] == "#fields"),
            next(line for line in heads if line[0] == "#types"),
        )
        assert {len(line) for line in heads if not line[0].startswith("#")} == {len(fields) - 1} == {len(types) - 1}


def test_icmp_has_type_and_code_in_the_place_of_ports(tmp_path: Path) -> None:
    """A ping and its answer; a port that is unreachable (code 3). Zeek writes the type of the answer for the former."""
    sent = (("10.0.0.1", "10.0.0.2", 8, 0), ("10.0.0.2", "10.0.0.1", 0, 0), ("10.0.0.9", "10.0.0.2", 3, 3))
    frames = [ethernet(ipv4(bytes((kind, code)) + bytes(34), 1, src, dst), 0x0800) for src, dst, kind, code in sent]
    capture = tmp_path / "icmp.pcap"
    capture.write_bytes(pcap(Frame(number, frame) for number, frame in enumerate(frames, 1)))
    replayed(tmp_path / "records", capture)
    ends = {(row["src_port"], row["dst_port"]) for row in rows(tmp_path / "records", "conn")}
    assert ends == {(8, 0), (3, 3)}
    exported(tmp_path / "records", "zeek", tmp_path)
    lines = [line.split("\t") for line in (tmp_path / "conn.log").read_text().splitlines() if line[0] != "#"]
    assert {(line[3], line[5], line[6]) for line in lines} == {("8", "0", "icmp"), ("3", "3", "icmp")}


def test_eve_events_are_json_with_the_keys_of_suricata(office: Path, tmp_path: Path) -> None:
    made = exported(office, "eve", tmp_path)
    events = [json.loads(line) for line in (tmp_path / "eve.json").read_text().splitlines()]
    assert made == {"eve.json": len(events)}
    kinds = Counter(event["event_type"] for event in events)
    assert (kinds["flow"], kinds["dns"], kinds["tls"]) == (753, 190, 137)
    flow = next(event for event in events if event["event_type"] == "flow" and event.get("app_proto") == "tls")
    assert {
        "timestamp",
        "flow_id",
        "src_ip",
        "src_port",
        "dest_ip",
        "dest_port",
        "proto",
        "community_id",
        "flow",
    } <= flow.keys()
    assert flow["flow_id"] < 1 << 53
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000", flow["timestamp"])


def test_parquet_has_every_row_in_order(office: Path, tmp_path: Path) -> None:
    exported(office, "parquet", tmp_path)
    made = pq.read_table(tmp_path / "conn.parquet")
    assert len(made) == 753
    assert made["ts"].to_pylist() == sorted(made["ts"].to_pylist())


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("proto", PROTOCOLS)
def test_connections_are_those_of_wireshark(root: Path, office: Path, proto: str) -> None:
    """Endpoints, packets and bytes are equal in both directions. We close a TCP connection at its second FIN or at a
    reset: later packets, such as the last acknowledgement, are not counted.
    """
    theirs, own = conversations(root / "pcaps" / "office.pcapng", proto), ours(office, proto)
    assert own.keys() == theirs.keys()
    late = 1 if proto == "tcp" else 0
    assert all(0 <= theirs[way][0] - own[way][0] <= late for way in theirs)
    assert all(0 <= theirs[way][1] - own[way][1] <= 78 * late for way in theirs)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("proto", PROTOCOLS)
def test_all_connections_of_an_office_agree(root: Path, office: Path, proto: str) -> None:
    found = agreement(root / "pcaps" / "office.pcapng", office, proto)
    assert found.connections > 200
    assert (found.agree, found.differ) == (found.connections, [])


def test_what_does_not_agree_is_found() -> None:
    """An extra packet, a missing UDP packet, a different byte, many late packets with data, and a connection that only
    one program has are found.
    """
    one, back = ("10.0.0.1", 1, "10.0.0.2", 2), ("10.0.0.2", 2, "10.0.0.1", 1)
    theirs = {one: (9, 900), back: (2, 200)}
    assert compared(theirs, dict(theirs), late=False) == (1, 1, 0, [])
    for own in ({one: (9, 900), back: (1, 140)}, {one: (6, 0), back: (2, 200)}, {one: (3, 540), back: (2, 200)}):
        assert compared(theirs, own, late=True) == (1, 1, 1, [])
        assert compared(theirs, own, late=False) == (1, 0, 0, [one])
    for own in ({one: (10, 960), back: (2, 200)}, {one: (9, 899), back: (2, 200)}, {one: (3, 0), back: (2, 200)}, {}):
        assert compared(theirs, own, late=True) == (1, 0, 0, [one])
    assert compared({}, theirs, late=True).differ == [one]


def test_text_of_peers_is_no_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    """A name that a peer chose to be evaluated gets an apostrophe in CSV; numbers and other names stay unchanged."""
    names = ["=HYPERLINK(1)", "+1", "-x.example", "@sum", "www.example"]
    write_rows(tmp_path / "records", {"dns": [{"ts": 8, "query": name, "answers": ["=1"]} for name in names]})
    exported(tmp_path / "records", "csv", tmp_path)
    with (tmp_path / "dns.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["query"] for row in found] == ["'=HYPERLINK(1)", "'+1", "'-x.example", "'@sum", "www.example"]
    assert {row["answers"] for row in found} == {'["=1"]'}
