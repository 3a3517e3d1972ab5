"""From an attribute to its bytes: the page of a device links to the frame that proves each attribute, with the bytes
marked; for a frame that no longer exists, the reason is given.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sensor.console.hexview import rows
from sensor.console.proofs import spans_of
from tests.console.kit import Running
from tests.golden import Golden

CAMERA = "10.20.10.62"


def camera_of(client: httpx.Client) -> str:
    return str(client.get("/api/v1/devices", params={"address": CAMERA}).json()["items"][0]["id"])


def proofs_of(client: httpx.Client) -> list[str]:
    page = client.get(f"/devices/{camera_of(client)}").text
    return [html.unescape(link) for link in re.findall(r'href="(/devices/[^"]+/proof[^"]+)"', page)]


def marked(text: str) -> str:
    """The text of the marked bytes."""
    found = [
        re.findall(r"<mark>([^<]*)</mark>", row.rpartition("<td>")[2]) for row in re.findall(r"<tr>.*?</tr>", text)
    ]
    return html.unescape("".join("".join(row) for row in found))


def test_every_observation_of_the_camera_leads_to_its_bytes(browser: httpx.Client) -> None:
    """Ten observations: host names, an mDNS instance, a DHCP vendor class, the server of a stream, the MAC's vendor."""
    links = set(proofs_of(browser))
    assert len(links) >= 8
    for link in links:
        seen = parse_qs(urlsplit(link).query)
        page = browser.get(link)
        assert page.status_code == 200
        if not seen["observation"][0].startswith(("oui.", "dhcp.parameter_list")):
            words = [word for word in re.findall(r"\w+", seen["seen"][0].casefold()) if len(word) > 4]
            assert [word for word in words if word not in marked(page.text).casefold()] == []
        assert "<mark>" in page.text


def test_the_capture_is_gone(golden: Golden, start, own: Path) -> None:
    """Frames of alerts remain; for others the page has the reason, and no attribute loses confidence."""
    card = json.loads((own / "dataset.json").read_text()) if (own / "dataset.json").is_file() else {"kind": "replay"}
    (own / "dataset.json").write_text(json.dumps(card | {"captures": ["/nowhere/office.pcapng"]}))
    with start(own).client() as client:
        pages = [client.get(link) for link in set(proofs_of(client))]
        assert {page.status_code for page in pages} == {200}
        assert any('class="notice"' in page.text for page in pages)
        for path in (own / "evidence").glob("*"):
            path.unlink()
        (own / "evidence").rmdir()
        page = client.get(proofs_of(client)[0]).text
        golden(page, "office.pcapng")
        assert "<mark>" not in page


def test_only_what_was_observed_is_looked_up(browser: httpx.Client) -> None:
    """Text from the URL is not searched in captures."""
    url = f"/devices/{camera_of(browser)}/proof"
    assert browser.get(url, params={"observation": "mdns.instance", "seen": "password"}).status_code == 400
    assert browser.get(url).status_code == 400


@pytest.mark.parametrize(
    ("observation", "seen", "data", "expected"),
    [
        ("dhcp.hostname", "PRINTER-7", b"....printer-7....", [(4, 13)]),
        ("mdns.service", "_ipp._tcp", b"\0\x04_ipp\x04_tcp\0", [(1, 11)]),
        ("smb.name", "FS01", b"\xff" + "fs01".encode("utf-16-le"), [(1, 9)]),
        ("dhcp.parameter_list", "1,3,6,12", b"\x37\x04\x01\x03\x06\x0c\xff", [(2, 6)]),
        ("http.server", "nginx (Debian 1.22)", b"Server: nginx\r\nX: Debian", [(8, 13), (18, 24)]),
        ("oui.organisation", "Axis", bytes(14), [(6, 9)]),
        ("tls.ja4", "t13d1516h2_8daaf6152771_b0da82dd1658", b"\x16\x03\x01", []),
        ("dhcp.hostname", "", b"anything", []),
    ],
)
def test_where_a_claim_is_in_its_frame(
    observation: str, seen: str, data: bytes, expected: list[tuple[int, int]]
) -> None:
    assert spans_of(data, {"observation": observation, "seen": seen}) == expected


def test_rows_are_cut_where_marks_begin_and_end() -> None:
    found = list(rows(b"GET / HTTP/1.1\r\n\x00abc", [(4, 5), (15, 18)]))
    assert [(offset, [(run.text, run.marked) for run in runs]) for offset, runs in found] == [
        ("0000", [("GET ", False), ("/", True), (" HTTP/1.1.", False), (".", True)]),
        ("0010", [(".a", True), ("bc", False)]),
    ]
    assert found[0][1][0].hex == "47 45 54 20"


def test_a_running_console_names_each_layer(office: Running, browser: httpx.Client) -> None:
    """A packet of an alert: Ethernet, IPv4, TCP and the payload, each with its bytes."""
    page = browser.get(
        browser.get("/api/v1/alerts?detector=discovery.port_scan").json()["items"][0]["id"].join(("/alerts/", ""))
    )
    assert re.findall(r"<li><strong>(\w+)</strong>", page.text)[:3] == ["Ethernet", "IPv4", "TCP"]
