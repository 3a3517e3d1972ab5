"""The typed client against a running console, and lists as Parquet: the same rows as in JSON and CSV."""

from __future__ import annotations

import csv
import io
import itertools
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest

from sensor.console.api import types
from sensor.console.api.client import ApiError, Client
from sensor.console.api.filters import MapFilter
from sensor.core.moments import moment_of
from sensor.views.alert_filter import AlertFilter
from sensor.views.devices import DeviceFilter
from sensor.views.moments import TimelineFilter
from sensor.views.vulnerabilities import VulnerabilityFilter
from tests.console.kit import Running


@pytest.fixture(scope="module")
def client(office: Running) -> Client:
    return Client(office.url, office.token())


def test_lists_are_typed_and_filtered(client: Client, browser: httpx.Client) -> None:
    """Filters of each kind: several values, a least severity, a time, yes or no; the order of a list."""
    every = list(client.devices())
    assert len(every) == 38
    assert all(isinstance(one, types.Device) for one in every)
    assert [one.type for one in client.devices(DeviceFilter(type=("camera", "nas")), sort="type")] == [
        "nas", "camera", "camera",
    ]  # fmt: skip
    late = moment_of("2026-11-24T08:10", 0)
    expected = browser.get("/api/v1/timeline", params={"since": "2026-11-24T08:10", "limit": "1000"}).json()["items"]
    found = list(client.timeline(TimelineFilter(since=late)))
    assert [one.seq for one in found] == [one["seq"] for one in expected]
    expected = browser.get("/api/v1/alerts", params={"severity": "medium", "state": "open"}).json()["items"]
    found_alerts = list(client.alerts(AlertFilter(severity="medium", state=("open",))))
    assert [one.id for one in found_alerts] == [one["id"] for one in expected]
    assert {one.severity for one in found_alerts} == {"medium", "critical"}
    assert list(client.vulnerabilities(VulnerabilityFilter(exploited=True, verdict=("not_affected",)))) == []


def test_pages_are_followed_to_the_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven devices a page."""
    requested = list[list[tuple[str, str]]]()
    answer = client._answer

    def counted(path: str, given: list[tuple[str, str]], *more: object) -> object:
        requested.append(given)
        return answer(path, [("limit", "7") if name == "limit" else (name, value) for name, value in given], *more)

    monkeypatch.setattr(client, "_answer", counted)
    assert len({one.id for one in client.devices()}) == 38
    assert len(requested) == 6


def test_single_objects(client: Client) -> None:
    alert = next(client.alerts(AlertFilter(severity="critical")))
    assert client.alert(alert.id).alert == alert
    device = next(client.devices())
    assert client.device(device.id)["device"]["id"] == device.id
    assert client.posture().points > 0
    assert client.health().figures["packets"] == 5058
    assert client.search(device.ip).totals["devices"] >= 1
    assert [one.name for one in client.datasets() if one.usual] == ["office"]
    [incident, *others] = client.incidents()
    assert len(others) == 2
    assert client.incident_steps(incident.id)[0].number == 1
    assert client.map(MapFilter(severity="high", by="vendor")).attacks.alerts == 1
    assert next(client.tickets()).devices
    assert next(client.recommendations()).state == "open"


def test_a_note_is_written_once_for_a_key(start, own) -> None:
    running = start(own)
    client = Client(running.url, running.token("write"))
    name = next(client.alerts()).id
    for _ in range(3):
        found = client.note(name, "comment", text="asked the owner", key="one")
    assert [note.text for note in found.notes] == ["asked the owner"]
    client.note(name, "close", "benign")
    assert client.alert(name).alert.state == "closed"


def test_events_continue_after_a_number(client: Client) -> None:
    """The stream has no end: the first three alerts, and the next one after the second."""
    first = list(itertools.islice(client.events(kinds=["alert"]), 3))
    assert [one["kind"] for one in first] == ["alert"] * 3
    assert next(client.events(first[1]["sensor"]["seq"], ["alert"]))["id"] == first[2]["id"]


def test_errors_are_problems(client: Client, office: Running) -> None:
    with pytest.raises(ApiError) as unknown:
        list(client.alerts(AlertFilter(severity="hihg")))
    assert (unknown.value.problem.status, unknown.value.problem.near) == (400, "high")
    with pytest.raises(ApiError) as refused:
        client.note(next(client.alerts()).id, "close")
    assert refused.value.problem.status == 403
    with pytest.raises(ApiError) as unauthorized:
        Client(office.url, "sensor_unknown").datasets()
    assert unauthorized.value.problem.status == 401
    with pytest.raises(ApiError) as missing:
        client.alert("alert-zzzz/../x")
    assert missing.value.problem.status == 404


@pytest.mark.parametrize(
    "url", ["http://sensor.example.net", "ftp://localhost", "file:///etc/passwd", "localhost:8765"]
)
def test_a_token_is_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Client(url, "sensor_token")


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server that redirects to another one, and the paths that were requested."""
    requested: list[str] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/stolen")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Redirecting)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", requested
    server.shutdown()
    server.server_close()


def test_redirects_are_not_followed(elsewhere: tuple[str, list[str]]) -> None:
    url, requested = elsewhere
    with pytest.raises(ApiError) as found:
        Client(url, "sensor_token").datasets()
    assert (found.value.problem.status, found.value.problem.code) == (302, "unexpected")
    assert requested == ["/api/v1/datasets?"]


def test_a_proxy_gets_no_token_in_the_clear(office: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has a proxy, on which nothing listens, and no exception for this host."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert Client(office.url, office.token()).datasets()


@pytest.fixture
def answered() -> Iterator[Callable[[bytes], str]]:
    """The URL of a server that sends these bytes to a client, and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:

        def answer(sent: bytes) -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(sent)

        def started(sent: bytes) -> str:
            pool.submit(answer, sent)
            return f"http://127.0.0.1:{server.getsockname()[1]}"

        yield started


def test_a_page_of_another_server_is_an_error_of_the_api(answered: Callable[[bytes], str]) -> None:
    url = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n<h1>Log in</h1>\r\n")
    with pytest.raises(ApiError) as found:
        Client(url, "sensor_token").datasets()
    assert found.value.problem.code == "unexpected"


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"SSH-2.0-server\r\n", b""])
def test_an_incomplete_response_is_an_error_of_the_connection(answered: Callable[[bytes], str], sent: bytes) -> None:
    with pytest.raises(OSError, match="response"):
        Client(answered(sent), "sensor_token").datasets()


@pytest.mark.parametrize("path", ["devices", "alerts", "incidents", "timeline", "vulnerabilities", "tickets"])
def test_parquet_has_the_rows_of_csv(browser: httpx.Client, path: str) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra hunt")
    answer = browser.get(f"/api/v1/{path}", params={"format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    table = pq.read_table(io.BytesIO(answer.content))
    rows = list(csv.DictReader(io.StringIO(browser.get(f"/api/v1/{path}", params={"format": "csv"}).text)))
    assert table.num_rows == len(rows) > 0
    assert table.column_names == list(rows[0])


def test_parquet_keeps_types(browser: httpx.Client) -> None:
    """Times, numbers, truth values and lists are no texts; a filter applies; an empty list has the same columns."""
    pa = pytest.importorskip("pyarrow", reason="needs the extra hunt")
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra hunt")
    given = {"format": "parquet", "type": "camera"}
    table = pq.read_table(io.BytesIO(browser.get("/api/v1/devices", params=given).content))
    kinds = {field.name: field.type for field in table.schema}
    assert kinds["first"] == pa.timestamp("us", tz="UTC")
    assert (kinds["vlan"], kinds["confidence"], kinds["gone"]) == (pa.int64(), pa.float64(), pa.bool_())
    assert kinds["tags"] == pa.list_(pa.string())
    assert table["type"].to_pylist() == ["camera", "camera"]
    listed = browser.get("/api/v1/devices", params={"type": "camera"}).json()["items"]
    assert table["first"].to_pylist() == [datetime.fromisoformat(one["first"]) for one in listed]
    empty = browser.get("/api/v1/devices", params=given | {"text": "nothing at all"})
    assert pq.read_table(io.BytesIO(empty.content)).schema == table.schema
