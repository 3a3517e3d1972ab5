"""From an alert to the response: a mute that is backtested first, and firewall rules with their side effects."""

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
from tests.console.test_pages import links_of
from tests.offices import CAPTURE

TWO_MUTES = """\
mutes:
  - {id: m1, detector: discovery.address_scan, author: anna, reason: audit, expires: 2020-01-01T00:00:00Z}
  - {id: m2, detector: discovery.port_scan, author: anna, reason: lab}
"""


def alert_of(client: httpx.Client, detector: str) -> str:
    return str(client.get("/api/v1/alerts", params={"detector": detector}).json()["items"][0]["id"])


def silenced_of(text: str) -> tuple[int, int]:
    """The number of alerts that the backtest would mute, and the total."""
    found = re.search(r"<strong>(\d+)</strong> of (\d+) alert", text)
    assert found is not None
    return int(found[1]), int(found[2])


def mutes_by_command(state: Path) -> str:
    return output_of("mute", "list", "--state", str(state), "--wide")


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def test_a_mute_is_backtested_written_and_undone(there: Running) -> None:
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


def test_mutes_are_listed_and_removed_later(there: Running) -> None:
    """The wider mute that the form offers is listed by any user, and removed by one who may write."""
    with there.client() as client:
        name = alert_of(client, "discovery.port_scan")
        assert "No mutes" in client.get("/mutes").text
        page = client.get(f"/alerts/{name}/mute").text
        offered = page.partition("Suggested mutes")[2].partition("</nav>")[0]
        wide = next(link for link in links_of(offered) if "discovery.%2A" in link)
        page = client.get(wide).text
        assert silenced_of(page) == (4, 4)
        form = page.partition('method="post" action="/alerts/alert')[2]
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        assert client.post(f"/alerts/{name}/mute", data=dict(fields)).status_code == 303
        listed = client.get("/mutes").text
        assert "discovery.* from 10.20.10.106" in listed
        assert "/mutes" in links_of(client.get("/alerts").text)
        with there.client("eve", scope="read") as guest:
            text = guest.get("/mutes").text
            assert "discovery.* from 10.20.10.106" in text
            assert "/mutes/act" not in text
            sent = {"csrf": csrf_of(guest.get(f"/alerts/{name}/mute").text), "action": "remove", "id": "m1"}
            assert guest.post("/mutes/act", data=sent).status_code == 403
        sent = {"csrf": csrf_of(listed), "action": "remove", "id": "m1"}
        assert client.post("/mutes/act", data=sent).headers["location"] == "/mutes"
        assert "No mutes" in client.get("/mutes").text
        assert "discovery" not in mutes_by_command(there.state)
        assert client.post("/mutes/act", data=sent).status_code == 400
        lines = (there.state / "console-audit.jsonl").read_text().splitlines()
        assert [json.loads(line)["action"] for line in lines if "mute" in line] == ["mute", "unmute", "unmute"]


def test_expired_mutes_come_last_and_suppressed_alerts_name_their_mute(start, tmp_path: Path) -> None:
    """A replay with two mutes, of which one has expired: the other one suppressed an alert, which is listed."""
    (tmp_path / "mutes.yaml").write_text(TWO_MUTES)
    output_of("replay", *CAPTURE, "--state", str(tmp_path))
    with start(tmp_path).client() as client:
        text = client.get("/mutes").text
        rows = re.findall(r"<tr.*?</tr>", text.partition("<tbody>")[2], re.DOTALL)
        found = [re.findall(r"mono\">(m\d)<|>(expired|in force)<|Suppressed\">(\d+)<", row) for row in rows]
        assert [["".join(one) for one in row] for row in found[:2]] == [["m2", "in force", "1"], ["m1", "expired", "0"]]
        assert "scanned 25 TCP ports" in rows[3]
        assert 'data-name="Mute">m2<' in rows[3]
        assert len(rows) == 4


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


def test_who_may_only_read_backtests_and_mutes_nothing(there: Running) -> None:
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


def ids_of(client: httpx.Client, **wanted: str) -> list[str]:
    return [one["id"] for one in client.get("/api/v1/alerts", params=wanted).json()["items"]]


def preview_of(text: str) -> tuple[int, int]:
    """The number of alerts that the mutes would suppress, and of those that are not marked."""
    found = re.search(r"suppressed <strong>(\d+)</strong>.*?<strong>(\d+)</strong>", text, re.DOTALL)
    assert found is not None
    return int(found[1]), int(found[2])


def test_marked_alerts_of_one_actor_are_muted_at_once(there: Running) -> None:
    """One mute of their actor also suppresses an alert that is not marked; one for each does not."""
    with there.client() as client:
        every = ids_of(client, source="10.20.10.106")
        assert len(every) > 2
        page = client.get("/alerts").text
        sent: dict[str, str | list[str]] = {"csrf": csrf_of(page), "alert": every[:2], "filter": "severity=low"}
        page = client.post("/alerts/mute", data=sent).text
        assert preview_of(page) == (len(every), len(every) - 2)
        assert every[2] in page
        page = client.post("/alerts/mute", data=sent | {"choice": "each"}).text
        assert preview_of(page) == (2, 0)
        assert not (there.state / "mutes.yaml").exists()
        sent |= {"choice": "one", "previewed": "one", "confirmed": "1", "span": "30d", "reason": "lab day"}
        done = client.post("/alerts/mute", data=sent)
        assert (done.status_code, done.headers["location"].partition("&")[0]) == (303, "/alerts?severity=low")
        (line,) = mutes_by_command(there.state).splitlines()[2:]
        assert "10.20.10.106" in line
        assert "lab day" in line


def test_the_mutes_of_marked_alerts_are_undone_together(there: Running) -> None:
    """Alerts that have neither the detector nor the actor in common get a mute each."""
    with there.client() as client:
        detectors = ("discovery.port_scan", "lateral_movement.admin_from_device")
        sent: dict[str, str | list[str]] = {
            "csrf": csrf_of(client.get("/alerts").text), "alert": [alert_of(client, one) for one in detectors],
            "choice": "each", "previewed": "each", "confirmed": "1", "span": "1d",
        }  # fmt: skip
        done = client.post("/alerts/mute", data=sent)
        assert len(mutes_by_command(there.state).splitlines()) == 4
        page = client.get(done.headers["location"]).text
        name = re.search(r'name="name" value="([^"]+)"', page)
        assert name is not None
        client.post("/alerts/unmute", data={"csrf": sent["csrf"], "name": name[1]})
        assert not [one for one in detectors if one in mutes_by_command(there.state)]


def test_what_was_not_previewed_is_not_muted(there: Running) -> None:
    with there.client() as client:
        csrf = csrf_of(client.get("/alerts").text)
        sent: dict[str, str | list[str]] = {
            "csrf": csrf, "alert": ids_of(client, source="10.20.10.106"), "previewed": "one", "choice": "each"
        }  # fmt: skip
        assert preview_of(client.post("/alerts/mute", data=sent | {"confirmed": "1"}).text)[1] == 0
        assert not (there.state / "mutes.yaml").exists()
        for refused in ({"csrf": csrf}, {"csrf": csrf, "alert": ["x"], "all": "1"}, sent | {"choice": "none"}):
            assert client.post("/alerts/mute", data=refused).status_code == 400
    with there.client("eve", "read") as reader:
        answer = reader.post("/alerts/mute", data={"csrf": csrf_of(reader.get("/alerts").text), "alert": "x"})
        assert answer.status_code == 403
