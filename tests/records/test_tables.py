"""Records of the replayed office: every connection, query, handshake and login, with the devices of both endpoints."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sensor.engine import pipeline as engine
from sensor.records.schema import TABLES
from tests.records.kit_records import office_records, replayed, rows, table

COUNTED = {
    "conn": 753, "dns": 190, "tls": 137, "sip": 111, "dhcp": 186, "auth": 32, "smb": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office_records(tmp_path_factory)


def test_each_flow_and_message_is_one_row(office: Path) -> None:
    """There are as many connections as flows in the flow table; a query and its response are one row."""
    assert {name: len(rows(office, name)) for name in COUNTED} == COUNTED


def test_columns_are_those_of_the_schema(office: Path) -> None:
    for name in COUNTED:
        assert tuple(table(office, name).schema.names) == tuple(one.name for one in TABLES[name].in_files)


def test_a_query_has_client_question_and_answer(office: Path) -> None:
    row = next(row for row in rows(office, "dns") if row["query"] == "checkip.synology.example")
    assert (row["src_ip"], row["src_mac"], row["dst_ip"], row["dst_port"]) == (
        "10.20.10.5",
        "00:11:32:6e:20:b7",
        "10.20.10.1",
        53,
    )
    assert (row["qtype"], row["rcode"], row["answers"], row["ttl"]) == ("A", "NOERROR", ["198.51.100.12"], 300)
    assert row["rtt"] == pytest.approx(0.0008)
    device = {one["device"]: one for one in rows(office, "device_history")}[row["src_device"]]
    assert (device["name"], device["type"]) == ("fs01", "nas")


def test_one_uid_goes_through_all_tables(office: Path) -> None:
    """The handshake with an address belongs to a connection with the same endpoints, with its server name and JA4."""
    connections = {row["uid"]: row for row in rows(office, "conn")}
    handshakes = rows(office, "tls")
    assert handshakes
    for row in handshakes:
        flow = connections[row["uid"]]
        assert (flow["src_ip"], flow["src_port"], flow["dst_ip"], flow["dst_port"]) == (
            row["src_ip"],
            row["src_port"],
            row["dst_ip"],
            row["dst_port"],
        )
        assert (flow["service"], flow["sni"], flow["ja4"]) == ("tls", row["sni"], row["ja4"])
        assert row["version"] == "TLS 1.3"


def test_states_report_how_far_connections_came(office: Path) -> None:
    """The scan of the office has closed ports (REJ) and unused addresses (S0); complete connections are SF."""
    states = Counter((row["proto"], row["state"]) for row in rows(office, "conn") if row["proto"] == "tcp")
    assert states == {("tcp", "SF"): 145, ("tcp", "S0"): 73, ("tcp", "REJ"): 39, ("tcp", "RSTO"): 8, ("tcp", "S1"): 2}


def test_outside_addresses_have_no_device(office: Path) -> None:
    """An external host behind the router is not the router."""
    outbound = [row for row in rows(office, "conn") if row["direction"] == "outbound"]
    assert outbound
    for row in outbound:
        assert row["dst_device"] is None
        assert row["src_device"] is not None


def test_logins_hold_accounts_and_never_a_secret(office: Path) -> None:
    logins = rows(office, "auth")
    assert {row["service"] for row in logins} >= {"sip"}
    assert {row["result"] for row in logins} <= {"accepted", "refused", "no such account", "unknown"}
    assert not {"password", "seal"} & set(logins[0])


def test_coverage_counts_every_packet(office: Path) -> None:
    assert sum(row["packets"] for row in rows(office, "coverage")) == 5058
    assert {row["vlan"] for row in rows(office, "coverage")} == {None, 20}


@pytest.mark.parametrize("batch", [0, 61])
def test_records_do_not_depend_on_who_reads_or_how_batches_are_cut(
    root: Path, office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Python dissectors write the same rows as native ones, and small batches the same as large ones."""
    if not batch:
        monkeypatch.setattr(engine, "reading", lambda *_: None)
    run = replayed(tmp_path / "records", root / "pcaps" / "office.pcapng", batch=batch)
    assert (getattr(run.pipeline.kernels.reader, "taken", 0) > 0) == (batch > 0)
    for name in COUNTED:
        ours, theirs = (
            [{key: value for key, value in row.items() if key != "uid"} for row in rows(folder, name)]
            for folder in (office, tmp_path / "records")
        )
        assert theirs == ours, name
