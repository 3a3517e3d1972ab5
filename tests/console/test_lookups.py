"""From a search, an alert or a device to its traffic: linked queries find the connections, and only them."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from sensor.console.lookups import connections, connections_of_alert, lookups
from sensor.datasets.dataset import Dataset
from tests.console.test_pages import links_of


def hunts_of(text: str) -> list[str]:
    """Links to queries in a page."""
    return [link for link in links_of(text) if link.startswith("/hunt?sql=")]


def ends_of(browser: httpx.Client, link: str) -> set[tuple[str, str]]:
    """Client and server address of each row of a query."""
    text = browser.get(link).text
    columns = re.findall(r'<th scope="col">(\w+)</th>', text.partition('id="results"')[2])
    rows = [
        [html.unescape(re.sub("<.*?>", "", cell)) for cell in re.findall(r"<td.*?>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(<td.*?)</tr>", text.partition('id="results"')[2].partition("</table>")[0])
    ]
    return {(row[columns.index("src_ip")], row[columns.index("dst_ip")]) for row in rows}


def test_who_talked_to_an_address(browser: httpx.Client) -> None:
    """The search for an address leads to its connections: one camera contacted it."""
    (link,) = hunts_of(browser.get("/search?q=203.0.113.66").text)
    assert ends_of(browser, link) == {("10.20.10.62", "203.0.113.66")}
    assert '<time datetime="2026-11-24T08:17:00Z"' in browser.get(link).text.partition('id="results"')[2]
    assert "/lists?check=203.0.113.66" in links_of(browser.get("/search?q=203.0.113.66").text)


def test_an_alert_leads_to_the_connections_of_its_ends(browser: httpx.Client) -> None:
    """Of both ends if there is one target, else all of the actor."""
    for detector, ends in (
        ("command_and_control.malicious_address", {("10.20.10.62", "203.0.113.66")}),
        ("lateral_movement.admin_from_device", {("10.20.10.61", "10.20.10.5"), ("10.20.10.5", "10.20.10.61")}),
    ):
        page = browser.get(f"/alerts?detector={detector}").text
        name = re.findall(r"/alerts/alert-\w+", page)[0]
        (link,) = hunts_of(browser.get(name).text)
        assert ends_of(browser, link) == ends


def test_a_device_leads_to_its_traffic_and_its_vulnerabilities(browser: httpx.Client) -> None:
    page = browser.get("/devices?text=hikvision").text
    name = re.findall(r"/devices/(dev-\w+)", page)[0]
    text = browser.get(f"/devices/{name}").text
    (link,) = hunts_of(text)
    assert {("10.20.10.62", "203.0.113.66"), ("10.20.10.5", "10.20.10.62")} <= ends_of(browser, link)
    found = browser.get(next(one for one in links_of(text) if one.startswith("/vulnerabilities?device="))).text
    assert set(re.findall(r"/devices/(dev-\w+)", found)) == {name}
    timeline = browser.get(f"/timeline?about={name}").text
    assert set(re.findall(r"/devices/(dev-\w+)", timeline)) == {name}


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("203.0.113.66", "connections listed"),
        ("2001:db8::5", "connections listed"),
        ("Deb.Debian.Example.", "names listed"),
        ("cve-2020-11899", "cve"),
        ("CVE-2020", ""),
        ("camera", ""),
        ("fe80::1%' OR 1=1 --", ""),
        ("a'b.example", ""),
    ],
)
def test_queries_for_a_search_term(office_dataset: Dataset, text: str, queries: str) -> None:
    """Only terms that can be a value of a column become a query."""
    found = lookups(office_dataset, text)
    assert [name for name, value in found._asdict().items() if value] == queries.split()


def test_domains_below_a_domain_are_found(browser: httpx.Client) -> None:
    (link,) = hunts_of(browser.get("/search?q=debian.example").text)
    text = browser.get(link).text
    assert "deb.debian.example" in text.partition('id="results"')[2]


def test_foreign_records_make_no_query(office_dataset: Dataset) -> None:
    """An endpoint of a log of another program is quoted in no query unless it is an address or the id of a device."""
    for src in ({"ip": "10.0.0.1' OR '1'='1"}, {"device": "dev-1'"}, {"ip": 5}, "10.0.0.1", None):
        assert connections_of_alert(office_dataset, {"src": src, "dst": {"ip": "10.0.0.2"}}) == ""
    one = connections_of_alert(office_dataset, {"src": {"ip": "10.0.0.1"}, "dst": {"ip": "x'"}})
    assert one == connections("10.0.0.1")
