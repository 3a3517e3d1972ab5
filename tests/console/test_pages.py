"""Every page of the office: it loads, names its dataset, keeps its state in the URL, and has no foreign markup."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from sensor.cli._show import decimal
from sensor.cli.main import main
from sensor.console.page_request import PageRequest
from sensor.console.pages.posture import target_of
from sensor.console.template_filters import figure, percent
from sensor.views.dataset import open_folder
from sensor.views.devices import devices
from sensor.views.posture import FixRow
from tests import sampling
from tests.console.kit import Running, output_of

PAGES = (
    "/", "/incidents", "/alerts", "/devices", "/recommendations", "/vulnerabilities", "/tickets", "/posture", "/map",
    "/traffic", "/traffic?by=host&since=10m", "/map?by=type&opened=camera", "/map?paths=yes", "/timeline",
    "/hunt", "/hunt?name=scanners",
    "/search?q=10.20.10.106", "/health", "/audit", "/mutes",
)  # fmt: skip


class Strict(HTMLParser):
    """Checks what the page's policy forbids, and what screen readers need."""

    VOID = frozenset(("meta", "link", "input", "img", "br", "wbr", "rect", "polyline"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self._open: list[str] = []
        self._ids: set[str] = set()
        self._labels: set[str] = set()
        self._inputs: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()
        self.faults += [f"left open: {tag}" for tag in self._open]
        self.faults += [
            f"without a label: {one}"
            for one in self._inputs
            if one.get("id") not in self._labels and "aria-label" not in one
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in self.VOID and tag != "option":
            self._open.append(tag)
        self.faults += [f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name == "style"]
        self.faults += [
            f"{tag} {value}"
            for name, value in attrs
            if name in ("href", "src", "action") and not str(value).startswith(("/", "#"))
        ]
        if tag in ("style", "iframe", "object", "embed", "base") or (tag == "script" and not given.get("src")):
            self.faults.append(tag)
        if (name := given.get("id")) is not None:
            self.faults += [f"id {name} twice"] if name in self._ids else []
            self._ids.add(name)
        if tag == "label" and given.get("for"):
            self._labels.add(str(given["for"]))
        if tag in ("select", "textarea") or (tag == "input" and given.get("type") != "hidden"):
            self._inputs += [given] if "label" not in self._open else []

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID or tag == "option":
            return
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> within {self._open[-1:]}")
        if tag in self._open:
            while self._open.pop() != tag:
                pass


def links_of(text: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'href="(/[^"]*)"', text)]


@pytest.mark.parametrize("path", PAGES)
def test_page_is_sound_and_names_its_data(browser: httpx.Client, path: str) -> None:
    """The dataset, its time span and its age are on every page."""
    answer = browser.get(path)
    assert answer.status_code == 200
    assert Strict(answer.text).faults == []
    source = answer.text.partition('class="source"')[2].partition("</p>")[0]
    assert ">office<" in source
    assert 'datetime="2026-11-24T08:00:01Z"' in source
    assert re.search(r"\d+ \w+ ago|future|just now", source)


def test_every_link_leads_somewhere(browser: httpx.Client) -> None:
    """Four hundred links, from page to page, or a sample, lead to valid pages."""
    seen: dict[str, int] = {}
    todo, most = list(PAGES), sampling.count(400, 160)
    while todo and len(seen) < most:
        path = todo.pop(0)
        if path in seen:
            continue
        answer = browser.get(path)
        seen[path] = answer.status_code
        if answer.headers["content-type"].startswith("text/html"):
            assert (path, Strict(answer.text).faults) == (path, [])
            todo += links_of(answer.text)
    assert {path: status for path, status in seen.items() if status != 200} == {}
    assert len([path for path in seen if path.startswith("/devices/dev-")]) > 10
    assert len([path for path in seen if path.startswith("/alerts/alert-")]) >= 7


def test_pages_of_a_list_give_every_device_once(browser: httpx.Client, office_folder: Path) -> None:
    """The order is that of the view; filter and sort are kept from page to page."""
    found: list[str] = []
    path = "/devices?sort=ip&order=asc&limit=7"
    while path:
        text = browser.get(path).text
        found += re.findall(r'class="first"><a href="/devices/(dev-\w+)', text)
        match = re.search(r'rel="next" href="([^"]+)"', text)
        path = html.unescape(match[1]) if match else ""
        assert not path or parse_qs(urlsplit(path).query)["sort"] == ["ip"]
    with open_folder(office_folder) as data:
        assert found == [row.id for row in devices(data, sort="ip", backwards=False).rows]
    assert len(found) == 38


def test_the_column_of_the_order_is_shown(browser: httpx.Client) -> None:
    """New devices first, from the link of the overview: when each was first seen."""
    link = next(link for link in links_of(browser.get("/").text) if link.startswith("/devices?sort=first"))
    times = re.findall(r'data-name="First seen"><time datetime="([^"]+)"', browser.get(link).text)
    assert len(times) == 38
    assert times == sorted(times, reverse=True)
    assert 'data-name="First seen"' not in browser.get("/devices").text


def test_a_facet_narrows_and_is_taken_back(browser: httpx.Client) -> None:
    """A facet's link adds the value to the URL, and the same link removes it."""
    text = browser.get("/devices?sort=type").text
    link = next(link for link in links_of(text) if "type=printer" in link)
    assert "sort=type" in link
    narrowed = browser.get(link).text
    assert "4 devices" in narrowed
    back = next(one for one in re.findall(r'<a href="([^"]+)" aria-current="true">printer', narrowed))
    assert "38 devices" in browser.get(html.unescape(back)).text


@pytest.mark.parametrize(
    "path", ["/", "/alerts", "/incidents", "/devices", "/recommendations", "/vulnerabilities", "/tickets", "/posture"]
)
def test_a_number_in_a_link_is_the_number_of_rows_behind_it(browser: httpx.Client, path: str) -> None:
    """Tiles and facets: `4 medium alerts` leads to four rows, not to those of higher severity, too; `Philips` not to
    `Philips Hue`, and `unknown` to the devices of an unknown vendor.
    """
    tile, facet = r"<strong>([\d,]+)</strong>", r"[^<]*(?:<wbr>[^<]*)* <span>([\d,]+)</span></a>"
    numbered = re.compile(rf'<a[^>]*href="([^"]+)"[^>]*>(?:{tile}|{facet})')
    links = {html.unescape(link): one or other for link, one, other in numbered.findall(browser.get(path).text)}
    assert len(links) >= 3
    for link, number in links.items():
        found = re.search(r'<p class="total"[^>]*>(?:at least )?([\d,]+)', browser.get(link).text)
        assert found is not None, link
        assert found[1] == number, link


def test_every_value_of_a_facet_can_be_chosen(browser: httpx.Client) -> None:
    """Also those after the first eight; a facet that has only an empty value is left out."""
    counts = browser.get("/api/v1/devices").json()["facets"]["type"]
    assert len(counts) > 8
    text = browser.get("/devices").text
    assert {f"/devices?type={name}" for name in counts} <= set(links_of(text))
    alerts = browser.get("/alerts").text
    assert "state=open" in alerts
    assert "site=" not in alerts


def test_pages_without_a_dataset_keep_the_one_of_their_url(browser: httpx.Client) -> None:
    """The menu and the search of the reports lead back to the dataset; the colors lead back to the page."""
    for path in ("/reports", "/uploads", "/settings", "/account", "/users", "/tokens", "/help", "/nothing"):
        text = browser.get(path, params={"data": "office"}).text
        assert {"/?data=office", "/alerts?data=office", "/uploads?data=office"} <= set(links_of(text)), path
        assert '<input type="hidden" name="data" value="office">' in text, path
        assert f'name="back" value="{path}?data=office"' in text, path


def test_what_is_to_be_done_leads_to_its_reason(browser: httpx.Client) -> None:
    """A fix that lowers the score to what it resolves, a recommendation to its details, an address outside to a search
    for it.
    """
    fixes = browser.get("/posture").text.partition("Fixes that lower")[2].partition("</table>")[0]
    links = links_of(fixes)
    assert len(links) == len(re.findall("<tr><td", fixes)) > 5
    assert {urlsplit(link).path for link in links} == {"/alerts", "/recommendations", "/vulnerabilities"}
    for link in links:
        assert 'class="empty"' not in browser.get(link).text, link
    overview = browser.get("/").text
    todo = [link for link in links_of(overview) if link.startswith("/recommendations?device=")]
    assert len(todo) == 8
    assert browser.get(todo[0]).text.count('<details class="card recommendation" open>') == 1
    alert = next(link for link in links_of(browser.get("/search?q=203.0.113.66").text) if "/alerts/alert-" in link)
    assert "/search?q=203.0.113.66" in links_of(browser.get(alert).text)


@pytest.mark.parametrize(
    ("key", "devices", "fixes", "expected"),
    [
        ("update|Axis|P3245|9.80.3", 2, ["CVE-2023-1"], "/vulnerabilities?device=dev-0&device=dev-1"),
        ("update|Axis|P3245|9.80.3", 5000, ["CVE-2023-1"], "/vulnerabilities?text=Axis+P3245+9.80.3"),
        ("setting|telnet", 5000, ["telnet"], "/recommendations?setting=telnet"),
        ("alerts|dev-1", 1, ["alert-1"], "/alerts?device=dev-1"),
        ("alerts|alert-1", 1, ["alert-1"], "/alerts/alert-1"),
        (
            "reach|outside", 3, ["outside"],
            "/alerts?detector=exposure.inbound_from_internet&detector=command_and_control.port_mapping",
        ),
    ],
)  # fmt: skip
def test_the_link_of_a_fix(key: str, devices: int, fixes: list[str], expected: str) -> None:
    """It leads to what the fix resolves, and is short also for thousands of devices."""
    request = SimpleNamespace(url=lambda path, **query: f"{path}?{urlencode(query, doseq=True)}" if query else path)
    row = FixRow(key, "", "", 0.0, 0.0, 0.0, [f"dev-{number}" for number in range(devices)], fixes)
    assert target_of(cast("PageRequest", request), row) == expected


def test_the_overview_has_the_first_fixes(browser: httpx.Client) -> None:
    """The first fixes of the exposure page, with links to their reasons, and the CVEs that affect devices."""
    page, exposure = browser.get("/").text, browser.get("/posture").text
    assert re.findall(r"<strong>(\d+)</strong> CVEs, [a-z ]+ (\d+)<", page) == [("4", "35")]
    page = page.partition("<h2>Next steps")[2].partition("</section>")[0]
    rows = re.compile(r'<td class="first"><a href="([^"]+)">([^<]+)</a><div class="summary">')
    fixes = rows.findall(page)
    assert len(fixes) == 4
    assert fixes == rows.findall(exposure)[:4]


def test_lists_have_the_same_order_everywhere(browser: httpx.Client) -> None:
    """The most severe first, also in a search; bands of scores as their tiles."""
    paths = ("/search?q=tp-lab", "/alerts?text=tp-lab")
    found = [re.findall(r'"badge (\w+)"', browser.get(path).text)[-5:] for path in paths]
    assert found == [["medium", "medium", "medium", "low", "low"]] * 2
    bands = re.findall(r"/posture\?band=(\w+)", browser.get("/posture").text)
    assert bands == ["high", "medium", "low"] * 2


def test_numbers_are_those_of_commands(browser: httpx.Client, office_folder: Path) -> None:
    """Risk and number of alerts of incidents; a risk whose terms add up to more than 100; confidences."""
    where = ("--state", str(office_folder))
    listed = re.findall(r"incident-\w+ +(\d+) +(\d+) +open", output_of("alerts", "incidents", *where))
    page = browser.get("/incidents").text
    assert len(listed) == 3
    assert re.findall(r'data-name="Risk">(\d+)</td>.*?data-name="Alerts">(\d+)<', page) == listed
    detector = "command_and_control.malicious_address"
    name = re.findall(r"/alerts/(alert-\w+)", browser.get(f"/alerts?detector={detector}").text)[0]
    limited = "answered 3 = 109, limited to 0 to 100"
    assert limited in browser.get(f"/alerts/{name}").text
    assert limited in output_of("explain", name, *where)
    for thousandth in range(1001):
        assert percent(thousandth / 1000) == f"{float(decimal(thousandth / 1000)) * 100:.0f}%"


def test_an_incident_has_the_response_to_each_kind_of_alert(browser: httpx.Client, office_folder: Path) -> None:
    """The same in the console, `alerts show` and `explain`: a title with its advice, the most severe first."""
    where, page = ("--state", str(office_folder)), browser.get("/incidents?text=scanning").text
    path = re.findall(r"/incidents/incident-\w+", page)[0]
    shown = re.findall(r'<li>.*?"badge (\w+)".*?(/alerts/alert-\w+)">(.+?)</a>: (.+?)</li>', browser.get(path).text)
    assert [level for level, *_ in shown] == ["medium"] * 3 + ["low"] * 2
    name = path.rpartition("/")[2]
    for command in ("alerts", "show", name), ("explain", name):
        text = html.escape(output_of(*command, *where))
        assert [text.count(f"    {title}: {advice}\n") for _, _, title, advice in shown] == [1] * 5, command
    assert shown[0][3] in browser.get(shown[0][1]).text


def test_a_device_shows_its_evidence_and_what_competes(browser: httpx.Client) -> None:
    """The Canon printer: two models are supported by evidence, one is chosen."""
    text = browser.get("/devices?text=Canon7F029A").text
    page = browser.get(re.findall(r"/devices/dev-\w+", text)[0]).text
    for word in (
        "dhcp.vendor_class.canon_ir_adv",
        "oui.vendor.canon",
        "competing value",
        "iR-ADV C3826",
        "18:0c:ac:7f:02:9a",
        "10.20.10.24",
    ):
        assert word in page


def test_evidence_on_pages_is_that_of_the_command(browser: httpx.Client, office_folder: Path) -> None:
    """The strongest first, values that differ in case together, and what competing values subtract: of a model in both
    cases, and of a type without a competing one.
    """
    found = browser.get("/devices?text=hikvision").text
    [name] = set(re.findall(r"/devices/(dev-\w+)", found))
    page, text = browser.get(f"/devices/{name}").text, output_of("explain", name, "--state", str(office_folder))
    model = page.partition("<strong>model</strong>")[2].partition("</details>")[0]
    assert re.findall(r"<h3>(\S+) <span", model) == ["DS-2CD2143G0-I", "DS-2CD2143G0"]
    note = "ds2cd2143g0 is a broader term for ds2cd2143g0i: no contradiction"
    assert (note in model, note in text) == (True, True)
    type_ = page.partition("<strong>type</strong>")[2].partition("</table>")[0]
    shown = re.findall(r'data-name="Confidence">(\d+)%', type_)
    listed = re.findall(r"^    0\.(\d\d) ", text.partition("\ntype:")[2].partition("\n  iot:")[0], re.MULTILINE)
    assert shown == listed == sorted(listed, reverse=True)


def test_device_types_have_names_on_pages_and_codes_in_urls(browser: httpx.Client) -> None:
    """Lists, facets, forms, titles and the map show `VoIP phone`; links, the API and exports have `voip_phone`."""
    listed = browser.get("/devices?type=voip_phone").text
    assert re.search(r'aria-current="true">VoIP phone <span>5<', listed)
    assert listed.count("<td>VoIP phone</td>") == 5
    found = browser.get("/api/v1/devices", params={"type": "voip_phone"}).json()["items"]
    assert {one["type"] for one in found} == {"voip_phone"}
    assert browser.get("/api/v1/devices?type=voip_phone&format=csv").text.count("voip_phone") >= 2
    device = browser.get(f"/devices/{found[0]['id']}").text
    assert re.search(r"<h1>VoIP phone \S", device)
    assert '<option value="voip_phone">VoIP phone</option>' in device
    drawn = browser.get("/map?by=type&opened=voip_phone").text
    assert "VoIP phone" in drawn.partition('class="total"')[2].partition("</p>")[0]
    assert "conferencing system (" in drawn
    pages = ("/", "/devices", "/devices?limit=100", "/posture", "/tickets", "/map", "/map?paths=yes", "/search?q=phone")
    for path in pages:
        shown = re.sub(r"<[^>]*>", " ", browser.get(path).text)
        assert not re.search(r"\b(voip_phone|access_point|media_player|door_access)\b", shown), path


def test_a_device_leads_to_its_open_alerts(browser: httpx.Client) -> None:
    """The camera with an alert, at the top of its page; its twin without one has no such line."""
    devices = browser.get("/api/v1/devices?limit=100").json()["items"]
    [camera] = [one for one in devices if one["ip"] == "10.20.10.62"]
    quiet = next(one for one in devices if one["open_alerts"] == 0)
    top = browser.get(f"/devices/{camera['id']}").text.partition("<h1>")[2].partition('class="columns"')[0]
    [link] = [link for link in links_of(top) if link.startswith("/alerts?")]
    assert browser.get(link).text.count("/alerts/alert-") == camera["open_alerts"] == 1
    assert (
        "/alerts?"
        not in browser.get(f"/devices/{quiet['id']}").text.partition('class="columns"')[0].partition("<h1>")[2]
    )


def test_a_ticket_leads_to_what_it_resolves(browser: httpx.Client) -> None:
    """Each CVE to its findings, which are those of the devices of the ticket."""
    ticket = next(one for one in browser.get("/api/v1/tickets").json()["items"] if "CVE-" in one["names"][0])
    page = browser.get("/tickets", params={"text": ticket["names"][0]}).text
    [link] = {link for link in links_of(page) if link == f"/vulnerabilities?cve={ticket['names'][0]}"}
    assert ticket["devices"][0]["id"] in browser.get(link).text


def test_the_map_shows_attacks_from_actor_to_target(browser: httpx.Client) -> None:
    """Arrows in the color of their severity lead to alerts, and a table has the same. The severity selects both."""
    page = browser.get("/map").text
    drawn, table = page.partition("<svg")[2].partition("</svg>")[0], page.partition('id="attacks"')[2]
    arrows = re.findall(r'<a href="([^"]+)"><path class="attack (\w+)".+?marker-end="url\(#(\w+)-on-wide\)"', drawn)
    assert [severity for _, severity, _ in arrows] == [marker for *_, marker in arrows]
    assert arrows[-1][1] == "critical"  # above the others
    assert {link.partition("?")[0].rpartition("/")[0] for link, *_ in arrows} <= {"/alerts", ""}
    assert all(browser.get(html.unescape(link)).status_code == 200 for link, *_ in arrows if link != "#attacks")
    assert table.partition("</table>")[0].count("<tr>") == len(arrows) + 1 == 11
    severe = browser.get("/map?severity=high").text
    assert re.findall(r'class="attack (\w+)"', severe) == ["critical"] * 2  # on wide and on narrow screens
    assert 'class="high" aria-current="true"' in severe
    none = browser.get("/map?attacks=no").text
    assert 'class="attack' not in none
    assert 'id="attacks"' not in none
    assert browser.get("/map?severity=grave").status_code == browser.get("/map?attacks=some").status_code == 400


def test_several_alerts_between_two_devices_lead_to_their_list(browser: httpx.Client) -> None:
    """The list has as many alerts as the map names."""
    page = browser.get("/map").text
    [(link, number), *_] = re.findall(r'<a href="(/alerts\?[^"]+)"><path .+?, (\d+) open alerts', page)
    assert f"{number} alerts" in browser.get(html.unescape(link)).text


def test_an_alert_shows_its_story_and_its_packets(browser: httpx.Client) -> None:
    """Reason, false positives, ATT&CK and response are shown; packets as hex dump and as a file."""
    text = browser.get("/alerts?detector=command_and_control.malicious_address").text
    name = re.findall(r"/alerts/(alert-\w+)", text)[0]
    page = browser.get(f"/alerts/{name}").text
    for word in (
        "botnet controller",
        "Shared hosting",
        "T1071",
        "Block the address",
        "TCP 10.20.10.62:55325 → 203.0.113.66:8443 SYN",
        "74 83 c2 10 4e 01",
    ):
        assert word in page
    file = browser.get(f"/alerts/{name}/packets.pcapng")
    assert file.content[:4] == b"\x0a\x0d\x0d\x0a"
    assert f'filename="{name}.pcapng"' in file.headers["content-disposition"]


def test_figures_have_their_units(browser: httpx.Client) -> None:
    """Windows in seconds, times as on the rest of the page, other names without underscores; never markup."""
    name = re.findall(r"/alerts/(alert-\w+)", browser.get("/alerts?detector=discovery.port_scan").text)[0]
    page = browser.get(f"/alerts/{name}").text
    assert re.search(r"window \d+ s[,<]", page)
    assert "first <time datetime" in page
    assert "&lt;time" not in page
    assert figure("<b>_x", "<i>") == "&lt;b&gt; x &lt;i&gt;"


def test_without_an_event_log_devices_are_counted(own: Path, start: Callable[..., Running]) -> None:
    """The missing part is named once; what is known is shown."""
    (own / "events.jsonl").unlink()
    with start(own).client() as browser:
        page, score = browser.get("/").text, browser.get("/posture")
    assert "<strong>38</strong> devices" in page
    assert page.count('class="notice"') == 1
    assert score.status_code == 503


def test_assessments_are_those_of_the_commands(
    browser: httpx.Client, office_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CVEs, tickets and score are the same; a CVE that only may affect a device is not counted as affecting it."""
    capsys.readouterr()
    assert main(["vulns", "--json", "--state", str(office_folder)]) == 0
    reported = {one["cve"] for one in map(json.loads, capsys.readouterr().out.splitlines())}
    page = browser.get("/vulnerabilities?limit=1000").text
    assert set(re.findall(r"<td class=\"short\">(CVE-[\d-]+)", page)) == reported
    assert "unknown for 1" in page
    affected = browser.get("/vulnerabilities?verdict=affected").text
    assert "4 CVEs" in affected
    assert "unknown for" not in affected.partition("<tbody>")[2]
    assert main(["tickets", "--json", "--state", str(office_folder)]) == 0
    tickets = {one["id"] for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert set(re.findall(r"ticket-\w+", browser.get("/tickets").text)) == tickets
    assert main(["posture", "--json", "--state", str(office_folder)]) == 0
    site = json.loads(capsys.readouterr().out.splitlines()[0])
    assert f"<strong>{site['points']:.1f}</strong>" in browser.get("/posture").text


def test_a_list_is_saved_as_it_is_shown(browser: httpx.Client) -> None:
    """Links to its files keep the filter and the order."""
    page = browser.get("/devices?type=printer&sort=vendor&order=asc&limit=2").text
    link = next(link for link in links_of(page) if "format=csv" in link)
    rows = browser.get(link).text.splitlines()
    assert [row.split(",")[2] for row in rows[1:]] == ["Brother", "Canon", "HP", "Kyocera"]


def test_hunts_run_and_are_shared_by_their_url(browser: httpx.Client) -> None:
    """Hunts run from the library and as SQL; invalid SQL is explained; the CSV has the same rows."""
    sql = "SELECT dst_ip, count(*) AS n FROM conn GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3"
    page = browser.get("/hunt", params={"sql": sql})
    cells = r'<td class="mono"><a href="/search\?q=([\d.]+)">\1</a></td><td class="mono number">([\d,]+)</td>'
    rows = re.findall(cells, page.text)
    assert len(rows) == 3
    assert "no packets dropped" in page.text
    lines = browser.get("/hunt.csv", params={"sql": sql}).text.splitlines()
    assert lines == ["dst_ip,n", *(f"{address},{count.replace(',', '')}" for address, count in rows)]
    refused = browser.get("/hunt", params={"sql": "SELECT nothing FROM conn"})
    assert "Binder Error" in refused.text
    for forbidden in (
        "DROP TABLE conn",
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY conn TO '/tmp/x'",
        "SELECT 1; SELECT 2",
    ):
        answer = browser.get("/hunt", params={"sql": forbidden})
        assert "root:" not in answer.text
        assert 'class="notice"' in answer.text
    assert browser.get("/hunt?name=scaners").status_code == 400
    assert "name=scanners" in browser.get("/hunt?name=scaners").text


@pytest.mark.parametrize(
    ("path", "status", "near"),
    [
        ("/devises", 404, "/devices"),
        ("/alerts?severity=hihg", 400, "severity=high"),
        ("/alerts?sverity=high", 400, "severity=high"),
        ("/devices?type=camra", 400, "type=camera"),
        ("/devices?sort=vender", 400, "sort=vendor"),
        ("/devices?address=10.0.0.300", 400, "10.20.30.0/24"),
        ("/alerts?since=yesterday", 400, "24h"),
        ("/alerts?cursor=xyz", 400, "earlier page"),
        ("/alerts?limit=0", 400, "1 to 1000"),
        ("/devices?vlan=x", 400, "a number"),
        ("/alerts/alert-aaaaaa", 404, "/alerts/alert-"),
        ("/alerts/alert-", 400, "/alerts/alert-"),
        ("/devices/dev-zzzzzz", 404, "/devices"),
        ("/incidents/incident-zzzzzz", 404, "/incidents"),
        ("/?data=offise", 404, "data=office"),
        ("/timeline?kind=alrt", 400, "kind=alert"),
    ],
)
def test_an_unknown_value_is_answered_with_the_nearest(
    browser: httpx.Client, path: str, status: int, near: str
) -> None:
    answer = browser.get(path)
    assert answer.status_code == status
    assert near in html.unescape(answer.text)
    assert Strict(answer.text).faults == []


def test_the_theme_is_kept(browser: httpx.Client) -> None:
    browser.post("/theme", data={"theme": "auto", "back": "/"})
    assert 'data-theme="auto"' in browser.get("/").text
    answer = browser.post("/theme", data={"theme": "dark", "back": "/alerts?severity=high"})
    assert answer.headers["location"] == "/alerts?severity=high"
    assert 'data-theme="dark"' in browser.get("/").text
    browser.post("/theme", data={"theme": "auto", "back": "/"})


def test_spans_count_back_from_the_end_of_a_replay(browser: httpx.Client, office_folder: Path) -> None:
    """The last three minutes of the office are those of its capture, at any time, for pages and for commands."""
    found = browser.get("/alerts?since=3m").text
    assert "2 alerts" in found
    log = str(office_folder / "events.jsonl")
    for where in (("--state", str(office_folder)), ("--events", log)):
        assert output_of("alerts", "--since", "3m", *where).splitlines()[-1].startswith("2 alerts")
        assert output_of("alerts", "--until", "3m", *where).splitlines()[-1].startswith("5 alerts")
        assert output_of("alerts", "incidents", "--since", "5m", *where).endswith("2 incidents\n")
    assert output_of("devices", "seen<3m", "--state", str(office_folder)).splitlines()[-1].startswith("30 devices")
    assert "30 devices" in browser.get("/devices?since=3m").text
    assert len(output_of("tail", "--since", "1m", log).splitlines()) == 16
    assert output_of("alerts", "--since", "2026-11-25", "--state", str(office_folder)).endswith("no alerts match\n")


def test_both_layouts_of_the_map_have_the_same_content(browser: httpx.Client) -> None:
    """Links and titles of the map for narrow screens are those of the map for wide ones."""
    page = browser.get("/map").text
    drawn = [page.partition(f'<svg class="map {name}"')[2].partition("</svg>")[0] for name in ("on-wide", "on-narrow")]
    wide, narrow = ((re.findall(r'<a href="([^"]+)"', one), re.findall(r"<title>(.*?)</title>", one)) for one in drawn)
    assert len(wide[0]) > 10
    assert wide == narrow


def test_grouping_and_time_are_no_filters(browser: httpx.Client) -> None:
    """Links that clear filters appear with a filter only, and keep grouping, order and time."""
    kept = "by=segment&at=2026-11-24T08%3A12"
    assert 'class="clear"' not in browser.get("/map?by=segment").text
    page = browser.get(f"/map?{kept}&text=nothing-has-this-name").text
    assert page.count(f'href="/map?{kept.replace("&", "&amp;")}"') == 2


def test_a_chosen_value_without_a_match_can_be_taken_back(browser: httpx.Client) -> None:
    """It is listed with 0, and its link removes it."""
    for given, shown in (("high", "high and above"), ("%3Dhigh", "high")):
        page = browser.get(f"/alerts?severity={given}&text=nothing-has-this-text").text
        facets = page.partition('<details class="facets"')[2].partition("</details>")[0]
        unset = 'href="/alerts?text=nothing-has-this-text" aria-current="true"'
        assert f"{unset}>{shown} <span>0</span>" in facets


def test_segments_are_named_by_their_vlan(browser: httpx.Client) -> None:
    """Pages show `VLAN 20`; links and filters have `vlan 20`."""
    drawn = browser.get("/map?by=segment").text
    assert re.search(r"opened=vlan\+20", drawn)
    assert ">VLAN 20 (" in drawn
    listed = browser.get("/posture?segment=vlan+20").text
    assert "<td>VLAN 20</td>" in listed
    assert "<td>vlan 20</td>" not in listed


def test_attack_paths_on_the_map(browser: httpx.Client) -> None:
    """Arrows on the map and a table of steps; not for a past state."""
    page = browser.get("/map?paths=yes").text
    assert page.count('marker-end="url(#path-on-wide)"') >= 3
    assert page.count('marker-end="url(#path-on-narrow)"') == page.count('marker-end="url(#path-on-wide)"')
    assert "smb/445" in page.partition('id="paths"')[2].partition("</section>")[0]
    assert "url(#path" not in browser.get("/map").text
    assert browser.get("/map?paths=maybe").status_code == 400
    assert browser.get("/map?paths=yes&at=2026-11-24T08:19").status_code == 400


@pytest.mark.parametrize("by", ["detector", "actor", "target"])
def test_groups_of_alerts_lead_to_their_alerts(browser: httpx.Client, by: str) -> None:
    """The filters stay, and the list without groups is one link away."""
    page = browser.get(f"/alerts?state=open&by={by}").text
    rows = re.findall(r'<td class="first"><a href="([^"]+)">.*?data-name="Open">(\d+)<', page, re.DOTALL)
    assert len(rows) >= 2
    for link, number in rows:
        listed = browser.get(html.unescape(link)).text
        assert f'<p class="total" aria-live="polite">{number} alert' in listed
        assert "state=open" in link
    assert "/alerts?state=open" in links_of(page)
    assert browser.get("/alerts?by=actr").status_code == 400
