"""Top talkers are the sums of the connections in the records."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="needs the extra hunt")

from sensor.records.filters import SearchError
from sensor.records.query import Query
from sensor.records.talkers import GROUPINGS, SERVICES, Wanted, of_filter, of_host, of_service, talkers
from tests.records.kit_records import office_records, rows

pytestmark = pytest.mark.usefixtures("queries_within")
ALL = 10_000
CAMERA, NAS = "10.20.10.61", "10.20.10.5"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return office_records(tmp_path_factory)


@pytest.fixture
def query(office: Path) -> Iterator[Query]:
    found = Query(office)
    yield found
    found.close()


@pytest.fixture(scope="module")
def conn(office: Path) -> list[Row]:
    return rows(office, "conn")


def client(row: Row) -> str:
    return row["src_device"] or row["src_ip"]


def server(row: Row) -> str:
    return row["dst_device"] or row["dst_ip"]


def service(row: Row) -> str:
    port = f"{row['proto']}/{row['dst_port']}" if row["proto"] in ("tcp", "udp") else row["proto"]
    return row["service"] or port


def sums(conn: list[Row], by: str) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Bytes sent and received, and connections, by host and peer."""
    sent, received, count = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in conn:
        ends = {"pair": [(client(row), server(row))], "service": [(service(row), "")]}.get(by)
        sides = [(key, row["src_bytes"], row["dst_bytes"]) for key in ends or [(client(row), "")]]
        if by == "host" and client(row) != server(row):
            sides.append(((server(row), ""), row["dst_bytes"], row["src_bytes"]))
        for key, out, back in sides:
            sent[key] += out
            received[key] += back
            count[key] += 1
    return {key: (sent[key], received[key], count[key]) for key in count}


@pytest.mark.parametrize("by", GROUPINGS)
def test_groups_are_the_sums_of_their_connections(query: Query, conn: list[Row], by: str) -> None:
    found = talkers(query, by, "bytes", limit=ALL)
    assert {(one.host, one.peer): (one.sent, one.received, one.connections) for one in found.rows} == sums(conn, by)
    assert (found.connections, found.bytes) == (len(conn), sum(row["src_bytes"] + row["dst_bytes"] for row in conn))
    assert [one.bytes for one in found.rows] == sorted((one.bytes for one in found.rows), reverse=True)
    assert not found.more
    shares = sum(one.share for one in found.rows)
    assert shares == pytest.approx(2.0 if by == "host" else 1.0)


def test_the_first_rows_by_either_figure(query: Query) -> None:
    """A list is limited, and states that it is; its order is that of the figure."""
    by_bytes, by_connections = (talkers(query, "pair", sort, limit=3) for sort in ("bytes", "connections"))
    assert by_bytes.more
    assert [len(by_bytes.rows), len(by_connections.rows)] == [3, 3]
    counts = [one.connections for one in by_connections.rows]
    assert counts == sorted(counts, reverse=True)
    assert by_bytes.rows != by_connections.rows


def test_names_of_devices_and_of_servers_without_one(query: Query, conn: list[Row]) -> None:
    """A server on the internet has the host name that its clients requested."""
    named = {(one.name, one.peer_name) for one in talkers(query, "pair", "bytes", limit=ALL).rows}
    assert ("tp-lab", "deb.debian.example") in named
    assert ("axis-accc8e4f710a", "fs01") in named
    requested = {(server(row), row["sni"]) for row in conn if row["sni"] and not row["dst_device"]}
    external = [one for one in talkers(query, "pair", "bytes", limit=ALL).rows if one.peer_name and not one.peer_type]
    assert external
    assert {(one.peer, one.peer_name) for one in external} <= requested


def test_services_begin_with_the_one_with_most_bytes(query: Query, conn: list[Row]) -> None:
    sizes = Counter[tuple[str, str]]()
    for row in conn:
        for host in {client(row), server(row)}:
            sizes[host, service(row)] += row["src_bytes"] + row["dst_bytes"]
    rows = talkers(query, "host", "bytes", limit=5).rows
    assert max(len(one.services) for one in rows) == SERVICES + 1
    for one in rows:
        own = sorted(
            (name for host, name in sizes if host == one.host), key=lambda name: (-sizes[one.host, name], name)
        )
        assert one.services == own[: SERVICES + 1]


def of(conn: list[Row], test: Callable[[Row], bool]) -> tuple[int, int]:
    found = [row for row in conn if test(row)]
    return len(found), sum(row["src_bytes"] + row["dst_bytes"] for row in found)


def test_filters(query: Query, conn: list[Row]) -> None:
    """By host in any notation, service, and columns; several must all match."""

    def total(*wanted: Wanted) -> tuple[int, int]:
        found = talkers(query, "pair", "bytes", wanted, limit=1)
        return found.connections, found.bytes

    device = next(row["src_device"] for row in conn if row["src_ip"] == CAMERA)
    block = ipaddress.ip_network("10.20.10.60/30")
    camera = of(conn, lambda row: CAMERA in (row["src_ip"], row["dst_ip"]))
    assert camera[0] > 1
    assert total(of_host(query, CAMERA)) == camera
    assert total(of_host(query, device)) == of(conn, lambda row: device in (row["src_device"], row["dst_device"]))
    assert total(of_host(query, "axis-accc8e4f710a")) == total(of_host(query, device))
    assert total(of_host(query, "ac-cc-8e-4f-71-0a")) == of(
        conn, lambda row: "ac:cc:8e:4f:71:0a" in (row["src_mac"], row["dst_mac"])
    )
    assert total(of_host(query, str(block))) == of(
        conn, lambda row: any(row[end] and ipaddress.ip_address(row[end]) in block for end in ("src_ip", "dst_ip"))
    )
    assert total(of_service("tcp/8443")) == of(conn, lambda row: service(row) == "tcp/8443")
    both = of(conn, lambda row: CAMERA in (row["src_ip"], row["dst_ip"]) and row["dst_ip"] == NAS)
    assert total(of_host(query, CAMERA), of_filter(query, f"dst_ip={NAS}")) == both
    assert total(of_host(query, "10.99.0.1")) == (0, 0)


def test_filters_of_devices(query: Query, office: Path, conn: list[Row]) -> None:
    """Either end is such a device; with ``!=``, none is. Connections without devices have no such end."""

    def total(*texts: str) -> tuple[int, int]:
        found = talkers(query, "pair", "bytes", [of_filter(query, text) for text in texts], limit=1)
        return found.connections, found.bytes

    # The last version of each device is its present state.
    devices = {row["device"]: row for row in rows(office, "device_history")}
    cameras = {name for name, row in devices.items() if row["type"] == "camera"}
    axis = {name for name, row in devices.items() if (row["vendor"] or "").startswith("Axis")}
    assert axis < cameras

    def ends(row: Row) -> set[str]:
        return {row["src_device"], row["dst_device"]}

    from_or_to = of(conn, lambda row: bool(ends(row) & cameras))
    assert 0 < from_or_to[0] < len(conn)
    assert total("type=camera") == total("type=CAM*") == from_or_to
    assert total("type!=camera") == of(conn, lambda row: not ends(row) & cameras)
    assert total("type=camera", "vendor=axis*", "dst_port=445") == of(
        conn, lambda row: bool(ends(row) & axis) and row["dst_port"] == 445
    )
    assert total("type=wearable") == (0, 0)
    assert total("type!=wearable") == of(conn, bool)


@pytest.mark.parametrize(
    "text", ["no such device", "10.0.0.300", "t13d1516h2_8daaf6152771_02713d6af862", "example.com"]
)
def test_what_is_no_host_is_an_error(query: Query, text: str) -> None:
    with pytest.raises(SearchError, match="expected"):
        of_host(query, text)


def test_columns_of_other_tables_are_an_error(query: Query) -> None:
    with pytest.raises(SearchError, match="'query'"):
        of_filter(query, "query=example.com")
