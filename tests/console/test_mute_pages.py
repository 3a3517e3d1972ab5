"""From an alert to the response: a mute that is rehearsed first, and firewall rules with their side effects."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import httpx
import pytest

from sensor.inventory.store.database import FILE, connect
from sensor.tables.mute_rows import FILE_NAME
from tests.console.kit import Running, csrf_of, output_of


def alert_of(client: httpx.Client, detector: str) -> str:
    return str(client.get("/api/v1/alerts", params={"detector": detector}).json()["items"][0]["id"])


def silenced_of(text: str) -> tuple[int, int]:
    """The number of alerts that the rehearsal would mute, and the total."""
    found = re.search(r"<strong>(\d+)</strong> of (\d+) alert", text)
    assert found is not None
    return int(found[1]), int(found[2])


def mutes_by_command(state: Path) -> str:
    return output_of("mute", "list", "--state", str(state), "--wide")


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def test_a_mute_is_rehearsed_written_and_undone(there: Running) -> None:
    """The offered mute matches one alert, a wider one four, another none. `sensor mute` lists what was written."""
    with there.client() as client:
        name = alert_of(client, "discovery.port_scan")
        page = client.get(f"/alerts/{name}/mute").text
        assert silenced_of(page) == (1, 1)
        assert 'name="src" value="10.20.10.106"' in page
        wide = {"detector": "discovery.*", "src": "10.20.10.0/24"}
        assert silenced_of(client.get(f"/alerts/{name}/mute", params=wide).text) == (4, 4)
        away = {"detector": "discovery.*", "src": "192.0.2.1"}
        assert silenced_of(client.get(f"/alerts/{name}/mute", params=away).text) == (0, 4)
        assert not (there.state / "mutes.yaml").exists()
        sent = {"csrf": csrf_of(page), "detector": "discovery.port_scan", "src": "10.20.10.106", "reason": "lab day"}
        done = client.post(f"/alerts/{name}/mute", data=sent)
        assert done.status_code == 303
        listed = mutes_by_command(there.state)
        assert "m1" in listed
        assert "lab day" in listed
        assert "anna" in listed
        page = client.get(done.headers["location"]).text
        undo = re.search(r'action="(/alerts/unmute[^"]*)".*?name="name" value="([^"]+)"', page, re.DOTALL)
        assert undo is not None
        assert client.post(undo[1], data={"csrf": csrf_of(page), "name": undo[2]}).status_code == 303
        assert "lab day" not in mutes_by_command(there.state)
        assert client.post(undo[1], data={"csrf": csrf_of(page), "name": undo[2]}).status_code == 403
        lines = (there.state / "console-audit.jsonl").read_text().splitlines()
        assert [json.loads(line)["action"] for line in lines] == ["login", "mute", "unmute"]


@pytest.mark.parametrize(
    "fields",
    [
        {"detector": "*"},
        {"detector": "discovery.port_scam"},
        {"detector": "discovery.*", "src": "10.20.10.0/99"},
        {"detector": "discovery.*", "port": "many"},
        {"detector": "discovery.*", "port": "70000"},
        {"detector": "discovery.*", "hours": "25:00-26:00"},
        {"detector": "discovery.*", "type": "submarine"},
        {"detector": "discovery.*", "span": "soon"},
    ],
)
def test_a_mute_that_makes_no_sense_is_refused(office: Running, browser: httpx.Client, fields: dict[str, str]) -> None:
    name = alert_of(browser, "discovery.port_scan")
    answer = browser.get(f"/alerts/{name}/mute", params=fields)
    assert answer.status_code == 400
    assert not (office.state / "mutes.yaml").exists()


def test_who_may_only_read_rehearses_and_mutes_nothing(there: Running) -> None:
    with there.client(scope="read") as client:
        name = alert_of(client, "discovery.port_scan")
        page = client.get(f"/alerts/{name}/mute").text
        assert silenced_of(page) == (1, 1)
        assert 'method="post" action="/alerts/alert' not in page
        sent = {"csrf": csrf_of(page), "detector": "discovery.port_scan"}
        assert client.post(f"/alerts/{name}/mute", data=sent).status_code == 403
        assert not (there.state / "mutes.yaml").exists()


def test_an_invalid_file_of_mutes_is_reported_and_kept(there: Running) -> None:
    with contextlib.closing(connect(there.state / FILE)) as base:  # the replay read another file
        base.execute("DELETE FROM meta WHERE name = ?", (FILE_NAME,))
    (there.state / "mutes.yaml").write_text("mutes: {broken\n")
    with there.client() as client:
        name = alert_of(client, "discovery.port_scan")
        sent = {"csrf": csrf_of(client.get(f"/alerts/{name}/mute").text), "detector": "discovery.port_scan"}
        assert client.post(f"/alerts/{name}/mute", data=sent).status_code == 503
        for path in ("/", "/alerts", "/devices"):
            notice = re.search(r'<p class="notice" role="note">([^<]*mutes.yaml[^<]*)</p>', client.get(path).text)
            assert notice is not None, path
        headers = {"Authorization": f"Bearer {there.token()}"}
        assert any(
            "mutes.yaml" in note for note in client.get("/api/v1/alerts", headers=headers).json()["source"]["notes"]
        )
    assert (there.state / "mutes.yaml").read_text() == "mutes: {broken\n"


def test_firewall_rules_have_their_side_effects(browser: httpx.Client) -> None:
    """Traffic between the camera and the listed address is blocked; each format has the rule in its own syntax."""
    name = alert_of(browser, "command_and_control.malicious_address")
    for form, word in (("nftables", "203.0.113.66"), ("fortios", "config firewall address"), ("ios", "access-list")):
        page = browser.get(f"/alerts/{name}/firewall", params={"format": form})
        assert page.status_code == 200
        assert word in page.text
        assert "observed for" in page.text
    rules = re.search(r'<pre class="command"[^>]*>(.*?)</pre>', browser.get(f"/alerts/{name}/firewall").text, re.DOTALL)
    assert rules is not None
    assert re.search(r"^ +\S", rules[1], re.MULTILINE)  # keeps the indentation
    assert browser.get(f"/alerts/{name}/firewall", params={"format": "nftable"}).status_code == 400
    assert browser.get(f"/alerts/{name}/firewall", params={"expires": "1y"}).status_code == 400
