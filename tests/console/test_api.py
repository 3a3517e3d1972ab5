"""The API: the same views as the pages, described by its own OpenAPI document, for programs with a token."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from sensor.console.api.openapi import BASE, openapi
from sensor.views.alerts import alerts
from sensor.views.dataset import open_folder
from tests.offices import EVENTS

LISTS = {
    "/devices": 38,
    "/alerts": 7,
    "/incidents": 3,
    "/recommendations": 16,
    "/timeline": 0,
    "/vulnerabilities": 0,
    "/tickets": 0,
}
SINGLES = ("/health", "/posture", "/search?q=tp-lab", "/datasets", "/reports", "/report-schedules", "/map?paths=yes")


def schema_of(path: str) -> dict[str, Any]:
    """The schema of a path's response, with all references."""
    described = openapi()
    schema = described["paths"][BASE + path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return {**schema, "components": described["components"]}


def fits(answer: httpx.Response, path: str) -> None:
    assert answer.status_code == 200
    jsonschema.Draft202012Validator(schema_of(path), format_checker=jsonschema.FormatChecker()).validate(answer.json())


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_what_the_description_promises(program: httpx.Client, path: str) -> None:
    """Every item and the page around it follow the description; the numbers are those of the views."""
    answer = program.get(path, params={"limit": 1000})
    fits(answer, path)
    page = answer.json()
    assert page["source"]["dataset"] == "office"
    assert page["source"]["seq"] == EVENTS
    assert len(page["items"]) == (LISTS[path] or page["total"])


@pytest.mark.parametrize("path", SINGLES)
def test_single_answers_are_what_the_description_promises(program: httpx.Client, path: str) -> None:
    fits(program.get(path), path.partition("?")[0])


def test_the_map_is_that_of_the_page(program: httpx.Client, browser: httpx.Client) -> None:
    """The same attacks, conversations and steps of paths; filters and groups are those of the page."""
    whole, page = program.get("/map").json()["item"], browser.get("/map").text
    assert f"{whole['devices']} devices in {whole['conversations']} conversations" in page
    named = {alert["id"] for pair in whole["attacks"]["pairs"] for alert in pair["named"]}
    assert {*re.findall(r"/alerts/(alert-\w+)", page)} == named
    assert len(named) == whole["attacks"]["alerts"] == 7
    assert {pair["severity"] for pair in program.get("/map?severity=high").json()["item"]["attacks"]["pairs"]} == {
        "critical"
    }
    opened = program.get("/map?by=type&opened=camera&direction=internal").json()["item"]
    assert opened["conversations"] < whole["conversations"]
    assert (whole["steps"], bool(program.get("/map?paths=yes").json()["item"]["steps"])) == ([], True)
    for invalid in ("by=color", "opened=spaceship", "severity=grave", "paths=maybe", "attacks=no"):
        assert program.get(f"/map?{invalid}").status_code == 400


@pytest.mark.parametrize(("path", "field"), [("/devices", "id"), ("/alerts", "id"), ("/incidents", "id")])
def test_each_thing_by_its_id_and_by_its_beginning(program: httpx.Client, path: str, field: str) -> None:
    name = program.get(path).json()["items"][0][field]
    answer = program.get(f"{path}/{name}")
    fits(answer, f"{path}/{{id}}")
    assert program.get(f"{path}/{name[:-1]}").json()["item"] == answer.json()["item"]


def test_cursors_lead_through_a_list_once(program: httpx.Client, office_folder: Path) -> None:
    """A cursor is valid for its query only."""
    names: list[str] = []
    cursor = ""
    while True:
        page = program.get("/alerts", params={"limit": 2, "sort": "severity", "cursor": cursor}).json()
        names += [one["id"] for one in page["items"]]
        if not (cursor := page["cursor"]):
            break
        assert program.get("/alerts", params={"limit": 2, "sort": "risk", "cursor": cursor}).status_code == 400
    with open_folder(office_folder) as data:
        assert names == [row.id for row in alerts(data, sort="severity").rows]


def test_times_keep_their_digits(program: httpx.Client) -> None:
    """Times follow RFC 3339: nanoseconds as numbers would lose digits in JavaScript."""
    first = program.get("/alerts?detector=command_and_control.malicious_address").json()["items"][0]
    assert (first["first"], first["last"]) == ("2026-11-24T08:17:00.000000Z", "2026-11-24T08:17:01.041637Z")


@pytest.mark.parametrize(
    ("path", "status", "facts"),
    [
        ("/alerts?severity=hihg", 400, {"code": "unknown", "field": "severity", "found": "hihg", "near": "high"}),
        ("/alerts?detector=discovery.port_scam", 400, {"field": "detector", "near": "discovery.port_scan"}),
        ("/alerts?detector=discvery.*", 400, {"code": "unknown", "field": "detector"}),
        ("/alerts?vlan=4095", 400, {"code": "malformed", "field": "vlan"}),
        ("/devices?type=camra", 400, {"code": "unknown", "field": "type", "near": "camera"}),
        ("/devices?criticality=hihg", 400, {"code": "unknown", "field": "criticality", "near": "high"}),
        ("/devices?vlan=4095", 400, {"code": "malformed", "field": "vlan"}),
        ("/vulnerabilities?type=camra", 400, {"code": "unknown", "field": "type", "near": "camera"}),
        ("/tickets?type=camra", 400, {"code": "unknown", "field": "type", "near": "camera"}),
        ("/tickets?state=opne", 400, {"code": "unknown", "field": "state", "near": "open"}),
        ("/alerts?sverity=high", 400, {"code": "unknown", "field": "parameter", "near": "severity"}),
        ("/devices?address=10.0.0.300", 400, {"code": "malformed", "field": "address"}),
        ("/devices?limit=5000", 400, {"code": "malformed", "field": "limit"}),
        ("/alerts/alert-", 400, {"code": "ambiguous"}),
        ("/alerts/alert-zzzzzz", 404, {"code": "not_found", "field": "id"}),
        ("/alerts?data=offise", 404, {"code": "not_found", "near": "office"}),
        ("/alerts?format=xml", 400, {"code": "unknown", "field": "format"}),
        ("/health?format=csv", 400, {"code": "malformed", "field": "format"}),
        ("/search", 400, {"code": "malformed", "field": "q"}),
        ("/events?after=x", 400, {"code": "malformed"}),
        ("/events?kind=alrt", 400, {"code": "unknown", "near": "alert"}),
        ("/nothing", 404, {"code": "no_such_path"}),
        ("/vulnerabilities?cve=log4shell", 400, {"code": "malformed", "field": "cve"}),
        ("/recommendations?setting=telnet_opne", 400, {"code": "unknown", "field": "setting"}),
        ("/timeline?about=printer", 400, {"code": "malformed", "field": "about"}),
        ("/timeline?sort=severity", 400, {"code": "unknown", "field": "sort"}),
    ],
)
def test_errors_are_problems(program: httpx.Client, path: str, status: int, facts: dict[str, Any]) -> None:
    """Errors follow RFC 9457 and have what a program needs to correct the request."""
    answer = program.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert facts.items() <= answer.json().items()


def test_what_did_not_change_is_not_sent_again(program: httpx.Client) -> None:
    first = program.get("/devices")
    again = program.get("/devices", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert program.get("/devices?type=printer").headers["etag"] != first.headers["etag"]


def test_whole_lists_as_files(program: httpx.Client) -> None:
    """The format is chosen by parameter or Accept header; a file has every row, regardless of the page size."""
    lines = program.get("/devices?format=ndjson").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [one["id"] for one in program.get("/devices").json()["items"]]
    answer = program.get("/devices?type=printer", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["vendor"] for row in rows} == {"Canon", "Brother", "Kyocera", "HP"}
    assert answer.headers["content-disposition"] == 'attachment; filename="devices.csv"'


def read_events(client: httpx.Client, most: int, **options: Any) -> list[tuple[int, str, dict[str, Any]]]:
    """The first events of a stream."""
    found, event = [], dict[str, str]()
    with client.stream("GET", "/events", **options) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line and name != "retry":
                event[name] = value
            elif event:
                found.append((int(event["id"]), event["event"], json.loads(event["data"])))
                event = {}
                if len(found) == most:
                    return found
    return found


def test_events_go_on_where_the_client_was(program: httpx.Client) -> None:
    """Each record is sent once, with its number as the id."""
    first = read_events(program, EVENTS)
    assert [number for number, _, _ in first] == list(range(1, EVENTS + 1))
    assert all(record["sensor"]["seq"] == number and record["kind"] == kind for number, kind, record in first)
    assert read_events(program, 2, headers={"Last-Event-ID": str(EVENTS - 2)}) == first[-2:]
    only = read_events(program, 3, params={"kind": "incident", "after": 0})
    assert {kind for _, kind, _ in only} == {"incident"}


def test_a_new_record_is_received(start, own: Path) -> None:
    """A waiting stream gets records that are written later."""
    running = start(own)
    with httpx.Client(
        base_url=running.url + BASE, headers={"Authorization": f"Bearer {running.token()}"}, timeout=60
    ) as client:
        log = own / "events.jsonl"
        last = json.loads(log.read_bytes().splitlines()[-1])
        last["sensor"]["seq"] = EVENTS + 1
        with client.stream("GET", "/events", params={"after": EVENTS}) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("retry")
            with log.open("a") as file:
                file.write(json.dumps(last) + "\n")
            assert next(line for line in lines if line.startswith("id: ")) == f"id: {EVENTS + 1}"


def test_a_token_writes_only_with_its_scope(start, own: Path) -> None:
    """A token writes as `sensor alerts` does, and is audited; a browser session cannot write here."""
    running = start(own)
    writer, reader = running.token("write"), running.token("read")
    url = f"{running.url}{BASE}/alerts"
    name = httpx.get(url, headers={"Authorization": f"Bearer {reader}"}).json()["items"][0]["id"]
    note = {"action": "close", "value": "benign", "text": "by a program"}

    def post(token: str, **options: Any) -> httpx.Response:
        return httpx.post(f"{url}/{name}/notes", headers={"Authorization": f"Bearer {token}"}, **options)

    assert post(reader, json=note).status_code == 403
    assert post("sensor_wrong", json=note).status_code == 401
    done = post(writer, json=note).json()["item"]
    assert (done["alert"]["state"], done["alert"]["verdict"]) == ("closed", "benign")
    assert [(one["author"], one["action"]) for one in done["notes"]] == [("program", "verdict"), ("program", "close")]
    for body in ({"action": "explode"}, {"action": "comment"}, {"actoin": "close"}, [], {"action": 5}):
        assert post(writer, json=body).status_code == 400
    assert post(writer, content=b'{"action": "close"}').status_code == 400
    with running.client() as client:
        assert client.post(f"{BASE}/alerts/{name}/notes", json=note).status_code == 401
        assert client.get(f"{BASE}/alerts").status_code == 200
    assert '"who":"program","action":"close"' in (own / "console-audit.jsonl").read_text()


def test_a_revoked_token_is_worth_nothing(start, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A revoked token is rejected at once, without a restart."""
    from sensor.cli.main import main

    running = start(own)
    token = running.token()
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{running.url}{BASE}/health", headers=headers).status_code == 200
    assert main(["console", "tokens", "--json", "--state", str(own)]) == 0
    number = json.loads(capsys.readouterr().out)["id"]
    assert main(["console", "revoke", number, "--state", str(own)]) == 0
    assert httpx.get(f"{running.url}{BASE}/health", headers=headers).status_code == 401
    assert main(["console", "revoke", number, "--state", str(own)]) == 1


def test_cells_are_no_formulas() -> None:
    """A spreadsheet does not run names from the network."""
    from sensor.console.cells import csv_cell

    assert csv_cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert csv_cell(["@a", "b"]) == "'@a, b"
    assert csv_cell(-5) == -5
    assert csv_cell("a\nb\x1b[0m") == "a b [0m"


def test_a_method_that_a_path_does_not_have_is_named_so(program: httpx.Client) -> None:
    """The response lists the allowed methods (RFC 9110, 15.5.6)."""
    for path, allowed in (("/alerts", "GET, HEAD"), ("/devices/dev-x", "GET, HEAD"), ("/events", "GET, HEAD")):
        answer = program.post(path, json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    for method in ("OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"):
        answer = program.request(method, "/alerts/alert-x/notes")
        assert (answer.status_code, answer.headers["allow"], answer.json()["status"]) == (405, "POST", 405), method
        assert answer.json()["code"] == "wrong_method"
    assert program.get("/alerts/alert-x/notes").headers["allow"] == "POST"
    assert program.post("/nothing", json={}).status_code == 404


def test_an_empty_parameter_has_the_effect_of_none(program: httpx.Client) -> None:
    """So each parameter that may be absent is described."""
    paths = program.get("/openapi.json").json()["paths"]
    for path in ("/alerts", "/devices", "/traffic", "/map", "/vulnerabilities"):
        some = paths[f"{BASE}{path}"]["get"]["parameters"]
        assert all(one["allowEmptyValue"] for one in some)
        empty = program.get(path, params={one["name"]: "" for one in some})
        assert (empty.status_code, empty.json()) == (200, program.get(path).json()), path
