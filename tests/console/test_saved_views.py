"""Views of lists: selected columns, and views that are saved under a name and shared."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest

from tests.console.kit import Running, csrf_of


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def headings(text: str) -> list[str]:
    head = text.partition("<thead>")[2].partition("</thead>")[0]
    words = (re.sub(r"<[^>]+>|[▾▴]", "", one).strip() for one in re.findall(r"<th.*?</th>", head, re.DOTALL))
    return [word for word in words if word != "Mark"]


def views_of(text: str) -> dict[str, str]:
    """Name and URL of each saved view."""
    found = re.findall(r'class="view"><a href="([^"]+)"[^>]*>([^<]+)</a>', text)
    return {html.unescape(name): html.unescape(url) for url, name in found}


def save(client: httpx.Client, url: str, name: str) -> httpx.Response:
    path, _, query = url.partition("?")
    sent = {"csrf": csrf_of(client.get("/").text), "action": "save", "path": path, "query": query, "name": name}
    return client.post("/views/act", data=sent)


def test_columns_are_chosen_and_kept_by_links(browser: httpx.Client) -> None:
    """The name column is fixed, others are in the URL; paging, sort and facets keep them."""
    assert headings(browser.get("/devices").text)[:3] == ["Name", "Type", "Vendor"]
    page = browser.get("/devices?columns=owner&columns=services&columns=first&limit=5").text
    assert headings(page) == ["Name", "Owner", "Services", "First seen"]
    links = [html.unescape(link) for link in re.findall(r'href="(/devices\?[^"]+)"', page)]
    assert links
    assert [link for link in links if "columns=services" not in link] == []
    assert browser.get("/devices?columns=colour").status_code == 400


def test_a_view_is_saved_shared_replaced_and_removed(there: Running) -> None:
    with there.client() as client:
        assert save(client, "/devices?type=camera&columns=ip&data=x&cursor=y", "Cameras").status_code == 303
        assert save(client, "/alerts?severity=high", "Urgent").status_code == 303
    with there.client("berta", "read") as other:
        views = views_of(other.get("/devices").text)
        assert views == {"Cameras": "/devices?type=camera&columns=ip"}
        page = other.get(views["Cameras"]).text
        assert 'aria-current="true" title="saved by anna"' in page
        assert headings(page) == ["Name", "Address"]
        assert "/views/act" not in page
        assert list(views_of(other.get("/alerts").text)) == ["Urgent"]
    with there.client() as client:
        assert save(client, "/devices?type=printer", "Cameras").status_code == 303
        page = client.get("/devices").text
        assert views_of(page) == {"Cameras": "/devices?type=printer"}
        number = re.search(r'name="number" value="(\d+)"', page)
        assert number is not None
        sent = {"csrf": csrf_of(page), "action": "remove", "number": number[1]}
        assert client.post("/views/act", data=sent).headers["location"] == "/devices"
        assert views_of(client.get("/devices").text) == {}
        assert client.post("/views/act", data=sent).status_code == 400


NO_VIEWS = (
    ("/devices", "all"), ("/devices?type=camera", " "), ("/login/x?a=1", "x"), ("https://evil.example/?a=1", "x"),
)  # fmt: skip


def test_what_is_no_view_is_refused(there: Running) -> None:
    with there.client() as client:
        for url, name in NO_VIEWS:
            assert (url, save(client, url, name).status_code) == (url, 400)
        assert views_of(client.get("/devices").text) == {}


def test_a_name_is_text_and_a_reader_saves_nothing(there: Running) -> None:
    with there.client() as client:
        assert save(client, "/devices?text=%22%3E%3Cscript%3E", "<script>alert(1)</script>").status_code == 303
        page = client.get("/devices").text
        assert "<script>alert" not in page
        assert views_of(page) == {"<script>alert(1)</script>": "/devices?text=%22%3E%3Cscript%3E"}
    with there.client("berta", "read") as other:
        assert save(other, "/devices?type=camera", "mine").status_code == 403
