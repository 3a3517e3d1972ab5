"""Actions on pages have the effect of `sensor alerts`: both see the same changes; they are counted, audited, and can be
undone.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sensor.console.undo import KEPT_ALERTS, AlertBefore, CompletedWrite, Undo
from tests.console.kit import Running, act, csrf_of, output_of


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def by_command(state: Path) -> dict[str, dict[str, Any]]:
    """The alerts as the command lists them."""
    reported = output_of("alerts", "--json", "--state", str(state))
    return {one["alert"]["id"]: one["alert"] for one in map(json.loads, reported.splitlines())}


def names_on(client: httpx.Client, path: str = "/alerts") -> list[str]:
    return re.findall(r'name="alert" value="(alert-\w+)"', client.get(path).text)


def undo(client: httpx.Client, done: httpx.Response) -> httpx.Response:
    page = client.get(done.headers["location"]).text
    found = re.search(r'name="name" value="([^"]+)"', page)
    assert found is not None
    back = html.unescape(re.findall(r'name="back" value="([^"]*)">\s*<span>', page)[0])
    return client.post("/alerts/undo", data={"csrf": csrf_of(page), "name": found[1], "back": back})


def test_an_open_alert_does_not_hide_closed_ones(there: Running) -> None:
    """The overview counts them by severity: a low alert that is left open looked like all there is."""
    with there.client() as client:
        before = client.get("/").text
        assert "closed alert" not in before
        low = names_on(client, "/alerts?severity=%3Dlow")[0]
        act(client, action="close", alert=[name for name in names_on(client) if name != low])
        page = client.get("/").text
        assert re.findall(r"<strong>(\d+)</strong> ([a-z]+ [a-z]*? ?alerts?)", page) == [
            ("1", "open low alert"), ("6", "closed alerts"),
        ]  # fmt: skip
        assert "6 closed alerts</a>: 1 critical, 4 medium, 1 low</p>" in page


def test_one_alert_through_its_life(there: Running) -> None:
    """Acknowledge, assign, close as benign, undo, reopen: command and page see each other's changes."""
    with there.client() as client:
        name = names_on(client)[0]
        assert act(client, action="acknowledge", alert=name).status_code == 303
        assert by_command(there.state)[name]["state"] == "acknowledged"
        assert act(client, action="assign", assignee="berta", alert=name).status_code == 303
        assert by_command(there.state)[name]["assignee"] == "berta"
        closed = act(client, action="close", verdict="benign", text="known scanner", alert=name, back="alert")
        found = by_command(there.state)[name]
        assert (found["state"], found["verdict"], found["closed"]) == (
            "closed",
            "benign",
            {"by": "anna", "reason": "known scanner"},
        )
        page = client.get(f"/alerts/{name}").text
        assert "known scanner" in page
        assert undo(client, closed).status_code == 303
        found = by_command(there.state)[name]
        assert (found["state"], found.get("verdict", ""), found["assignee"]) == ("acknowledged", "", "berta")
        comment = ("comment", name, "asked the owner", "--author", "carl")
        output_of("alerts", *comment, "--state", str(there.state))
        page = client.get(f"/alerts/{name}").text
        assert "asked the owner" in page
        assert "carl" in page


def test_many_at_once_are_counted_confirmed_and_undone(there: Running) -> None:
    """An action by filter requires confirming the number of alerts; if the list changed since, it is shown again."""
    query = "detector=discovery.*"
    with there.client() as client:
        names = names_on(client, f"/alerts?{query}")
        assert len(names) == 4
        requested = act(client, action="close", all="1", filter=query)
        assert requested.status_code == 200
        assert re.search(r'name="expected" value="4"', requested.text)
        assert {one["state"] for one in by_command(there.state).values()} == {"open"}
        refused = act(client, action="close", all="1", filter=query, confirmed="1", expected="3")
        assert refused.status_code == 403
        done = act(client, action="close", all="1", filter=query, confirmed="1", expected="4", text="lab day")
        assert "4 alerts closed" in client.get(done.headers["location"]).text
        assert {name for name, one in by_command(there.state).items() if one["state"] == "closed"} == set(names)
        assert undo(client, done).status_code == 303
        assert {one["state"] for one in by_command(there.state).values()} == {"open"}
        assert undo_again(client, done) == 0


def test_undo_leads_back_to_the_list_with_its_filter(there: Running) -> None:
    """And to no other site, whatever the form names."""
    with there.client() as client:
        name = names_on(client)[0]
        query = "state=open&sort=risk"
        done = act(client, action="close", alert=name, filter=query)
        answer = undo(client, done)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts?{query}")
        done = act(client, action="close", alert=name, filter=query)
        page = client.get(done.headers["location"]).text
        sent = {"csrf": csrf_of(page), "name": re.findall(r"done=([\w-]+)", done.headers["location"])[0]}
        answer = client.post("/alerts/undo", data={**sent, "back": "https://evil.example/"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def undo_again(client: httpx.Client, done: httpx.Response) -> int:
    """The number of undo buttons that the page still offers."""
    return client.get(done.headers["location"]).text.count('action="/alerts/undo"')


def test_marked_alerts_are_changed_and_no_others(there: Running) -> None:
    with there.client() as client:
        names = names_on(client)
        assert act(client, action="verdict", verdict="true_positive", alert=names[:3]).status_code == 303
        evaluated = {name for name, one in by_command(there.state).items() if one.get("verdict") == "true_positive"}
        assert evaluated == set(names[:3])


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "explode"}, {"action": "verdict", "verdict": "bening"}, {"action": "comment"},
        {"action": "assign"}, {"action": "close", "alert": []},
        {"action": "close", "all": "1", "filter": ""}, {"action": "close", "all": "1", "filter": "severity=hihg"},
    ],
)  # fmt: skip
def test_invalid_forms_change_nothing(browser: httpx.Client, office: Running, fields: dict[str, Any]) -> None:
    """Each is rejected with what was expected."""
    name = names_on(browser)[0]
    answer = act(browser, **({"alert": name} | fields))
    assert answer.status_code == 400
    assert "expected" in answer.text or "did you mean" in answer.text
    assert {one["state"] for one in by_command(office.state).values()} == {"open"}


def test_an_unknown_alert_is_not_found(browser: httpx.Client) -> None:
    assert act(browser, action="close", alert="alert-zzzzzz").status_code == 404


def test_every_write_is_in_the_audit_log(there: Running) -> None:
    """The log has user, action, number and targets; only its owner may read the file."""
    with there.client("dora") as client:
        names = names_on(client)
        done = act(client, action="close", alert=names[:2], text="night work")
        undo(client, done)
        page = client.get("/audit").text
    entries = [json.loads(line) for line in (there.state / "console-audit.jsonl").read_text().splitlines()]
    assert [(one["who"], one["action"], one.get("count", 0)) for one in entries] == [
        ("dora", "login", 0),
        ("dora", "close", 2),
        ("dora", "undo", 2),
    ]
    assert (entries[1]["ids"], entries[1]["text"], entries[1]["dataset"]) == (names[:2], "night work", "office")
    assert (there.state / "console-audit.jsonl").stat().st_mode & 0o077 == 0
    assert "night work" in page


def test_another_user_cannot_undo(there: Running) -> None:
    with there.client("anna") as anna, there.client("berta") as berta:
        done = act(anna, action="close", alert=names_on(anna)[0])
        name = re.search(r"done=([\w-]+)", done.headers["location"])
        assert name is not None
        assert (
            berta.post("/alerts/undo", data={"csrf": csrf_of(berta.get("/").text), "name": name[1]}).status_code == 403
        )


def test_all_alerts_of_an_incident_are_closed_and_brought_back(there: Running) -> None:
    """The page of the incident acts on its alerts and on no others; a viewer sees no form there."""
    with there.client() as client:
        incident = re.findall(r"/incidents/incident-\w+", client.get("/incidents?text=scanning").text)[0]
        page = client.get(incident).text
        form = page.partition('action="/alerts/act"')[2].partition("</form>")[0]
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        names = [value for name, value in fields if name == "alert"]
        others = set(names_on(client)) - set(names)
        assert (len(names), len(others)) == (5, 2)
        sent = {**dict(fields), "alert": names, "action": "close", "verdict": "benign", "assignee": "", "text": "lab"}
        done = client.post("/alerts/act", data=sent)
        assert done.headers["location"].startswith(f"{incident}?done=")
        states = {name: one["state"] for name, one in by_command(there.state).items()}
        assert {states[name] for name in names} == {"closed"}
        assert {states[name] for name in others} == {"open"}
        assert undo(client, done).status_code == 303
        assert {one["state"] for one in by_command(there.state).values()} == {"open"}
    with there.client("eve", "read") as guest:
        assert "/alerts/act" not in guest.get(incident).text


def test_data_to_undo_is_kept_for_a_limited_number_of_alerts() -> None:
    """Two actions on most of that number: the second replaces the first; a small one before them is gone as well."""
    undo_data, many = Undo(), [AlertBefore(f"alert-{number}", "open", "", "") for number in range(KEPT_ALERTS * 2 // 3)]
    small = CompletedWrite("anna", "office", "closed", "/alerts/undo", many[:1], ())
    large = small._replace(before=many)
    for name, done in (("small", small), ("first", large), ("second", large), ("last", small)):
        undo_data.put(name, done)
    kept = [name for name in ("small", "first", "second", "last") if undo_data.look(name, "anna") is not None]
    assert kept == ["second", "last"]
