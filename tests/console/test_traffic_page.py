"""The page Traffic: top talkers with a picture, filters, links and a CSV file."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import httpx
import pytest

pytest.importorskip("duckdb", reason="needs the extra hunt")

from sensor.console.api.client import Client
from sensor.console.api.filters import TrafficFilter
from sensor.console.api.types import Traffic
from tests.console.kit import Running, output_of
from tests.console.test_api import fits
from tests.console.test_pages import links_of

CAMERA = "10.20.10.62"


def rows_of(text: str) -> list[list[str]]:
    body = text.partition('id="results"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [html.unescape(re.sub("<.*?>", "", cell)) for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)]
        for row in body.split("</tr>")[:-1]
    ]


@pytest.mark.parametrize("by", ["pair", "host", "service"])
def test_it_shows_what_the_command_shows(browser: httpx.Client, office: Running, by: str) -> None:
    """The same groups in the same order, as rows and as bars; the CSV file has exact numbers."""
    rows = rows_of(browser.get("/traffic", params={"by": by}).text)
    command = ("records", "top", "--json", "--by", by, "-n", "50", "--state", str(office.state))
    listed = [json.loads(line) for line in output_of(*command).splitlines()]
    assert len(rows) == len(listed) == 50
    assert [row[-1] for row in rows] == [f"{one['connections']:,}" for one in listed]
    table = list(csv.DictReader(io.StringIO(browser.get("/traffic.csv", params={"by": by}).text)))
    assert [int(one["bytes"]) for one in table[:50]] == [one["bytes"] for one in listed]
    assert [one["host"] for one in table[:50]] == [one["host"] for one in listed]


@pytest.mark.parametrize("by", ["pair", "host", "service"])
def test_the_api_has_what_the_command_shows(program: httpx.Client, office: Running, by: str) -> None:
    """The same rows and numbers, as the description promises."""
    answer = program.get("/traffic", params={"by": by, "sort": "connections", "limit": 7})
    fits(answer, "/traffic")
    found = answer.json()["item"]
    command = ("records", "top", "--json", "--by", by, "--sort", "connections", "-n", "7", "--state", str(office.state))
    assert found["talkers"] == [json.loads(line) for line in output_of(*command).splitlines()]
    assert (found["connections"], found["more"], found["first"][:17]) == (753, True, "2026-11-24T08:00:")


def test_the_api_selects_and_explains(program: httpx.Client, office: Running) -> None:
    """By host, service and time; no connections are an answer, and invalid values an error with a code."""
    client = Client(office.url, office.token())
    assert {one.services[0] for one in client.traffic(TrafficFilter(host=CAMERA, service="tls")).talkers} == {"tls"}
    nothing = client.traffic(TrafficFilter(service="nosuch"))
    assert nothing == Traffic([], False, 0, 0, "", "", nothing.coverage)
    assert nothing.coverage
    for invalid in ("by=flow", "sort=first", "host=nothing", "since=soon", "limit=0", "limit=1001", "format=csv"):
        answer = program.get(f"/traffic?{invalid}")
        assert (invalid, answer.status_code) == (invalid, 400)
        assert answer.json()["field"] == invalid.partition("=")[0]


def test_the_picture_has_the_first_rows(browser: httpx.Client) -> None:
    """Each bar has the name and the number of its row, on wide and on narrow screens."""
    page = browser.get("/traffic", params={"by": "service", "sort": "connections"}).text
    rows = rows_of(page)
    for name in ("on-wide", "on-narrow"):
        chart = page.partition(f'<svg class="bars {name}"')[2].partition("</svg>")[0]
        titles = re.findall(r"<title>(\S+): (\S+)</title>", chart)
        assert titles == [(row[0], row[-1]) for row in rows[: len(titles)]] != []


def test_filters(browser: httpx.Client) -> None:
    """By device or address, service and time; a page without connections leads to all."""
    page = browser.get("/traffic", params={"host": CAMERA}).text
    assert len(rows_of(page)) == 8
    assert rows_of(browser.get("/traffic", params={"host": CAMERA, "service": "tls"}).text)[0][2] == "tls"
    early = browser.get("/traffic", params={"until": "2026-11-24T08:05"}).text
    assert 0 < int(re.findall(r"in (\d+) connections", early)[0]) < 753
    nothing = browser.get("/traffic", params={"service": "nosuch"}).text
    assert rows_of(nothing) == []
    assert "/traffic" in links_of(nothing.partition('class="empty"')[2].partition("</p>")[0])


def test_rows_lead_to_devices_and_connections(browser: httpx.Client) -> None:
    """The number of connections is that of the query it leads to; a service filters."""
    page = browser.get("/traffic", params={"host": CAMERA}).text
    links = links_of(page.partition('id="results"')[2])
    assert any(link.startswith("/devices/dev-") for link in links)
    (row, *_), (query, *_) = rows_of(page), [link for link in links if link.startswith("/hunt?sql=")]
    found = re.findall(r'<td class="mono number">([\d,]+)</td></tr>', browser.get(query).text)
    assert sum(int(count.replace(",", "")) for count in found) == int(row[-1])
    assert any("service=tls" in link for link in links)


@pytest.mark.parametrize(
    "given", [{"by": "flow"}, {"sort": "first"}, {"host": "nothing"}, {"since": "soon"}, {"hots": "x"}]
)
def test_invalid_parameters_are_explained(browser: httpx.Client, given: dict[str, str]) -> None:
    answer = browser.get("/traffic", params=given)
    assert answer.status_code == 400
    assert next(iter(given)) in answer.text
    assert answer.text.count("expected") <= 1
