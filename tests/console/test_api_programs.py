"""The examples of docs/recipes/api_programs.md run as they are printed, against a console and the program it serves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml

from tests.console.kit import Running

PAGE = (Path(__file__).parents[2] / "docs" / "recipes" / "api_programs.md").read_text()
TOKEN = "netbox-token"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def script(number: int, running: Running, folder: Path, **more: str) -> subprocess.Popen[str]:
    """A Python block as a program, with the variables that it reads."""
    path = folder / "program.py"
    path.write_text(blocks("python")[number])
    environment = {**os.environ, "SENSOR_URL": running.url, "SENSOR_TOKEN": running.token("write"), **more}
    return subprocess.Popen([sys.executable, str(path)], env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)


def test_alerts_in_python(office: Running, browser: httpx.Client, tmp_path: Path) -> None:
    out, _ = script(0, office, tmp_path).communicate(timeout=60)
    listed = browser.get("/api/v1/alerts", params={"severity": "high", "state": "open"}).json()["items"]
    assert [line.split()[0] for line in out.splitlines()] == [one["id"] for one in listed]
    assert len(listed) > 0


def test_a_soar_acknowledges_an_alert_once(start, own: Path, tmp_path: Path) -> None:
    """It is killed after its first case, loses its place, and handles the same alert again: one note."""
    running = start(own)
    names = set[str]()
    for _ in range(2):
        process = script(1, running, tmp_path)
        assert process.stdout is not None
        names.add(process.stdout.readline().split()[2].rstrip(":"))
        process.kill()
        process.communicate()
        (tmp_path / "last-record").unlink(missing_ok=True)
    (name,) = names
    with running.client() as client:
        found = client.get(f"/api/v1/alerts/{name}").json()["item"]
    assert [note["action"] for note in found["notes"]] == ["acknowledge"]
    assert found["alert"]["state"] == "acknowledged"


def test_top_talkers_and_attacks(office: Running, tmp_path: Path) -> None:
    """The office ended long ago: no host has sent anything since yesterday, but its alert is open."""
    process = script(2, office, tmp_path)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [line.split()[0] for line in out.splitlines()] == ["critical"]


class NetBox(BaseHTTPRequestHandler):
    """The two requests of its API that the example sends."""

    known: set[str]
    made: list[dict[str, str]]

    def do_GET(self) -> None:
        (address,) = parse_qs(urlsplit(self.path).query)["address"]
        self._reply(200, {"count": int(address in self.known)})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.made.append(body)
        self._reply(201, body)

    def _reply(self, status: int, body: object) -> None:
        assert self.headers["Authorization"] == f"Token {TOKEN}"
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def netbox() -> Iterator[str]:
    NetBox.known, NetBox.made = {"10.20.10.5"}, []
    server = HTTPServer(("127.0.0.1", 0), NetBox)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_netbox_gets_the_addresses_that_it_lacks(
    office: Running, browser: httpx.Client, netbox: str, tmp_path: Path
) -> None:
    process = script(3, office, tmp_path, NETBOX_URL=netbox, NETBOX_TOKEN=TOKEN)
    process.communicate(timeout=60)
    assert process.returncode == 0
    given = {"address": "10.20.0.0/16", "state": "present", "limit": "1000"}
    expected = {one["ip"] for one in browser.get("/api/v1/devices", params=given).json()["items"]} - {"10.20.10.5"}
    assert {one["address"].removesuffix("/32") for one in NetBox.made} == expected
    assert any(one["description"].startswith("camera ") for one in NetBox.made)


def test_home_assistant_reads_what_is_there(browser: httpx.Client) -> None:
    text = blocks("text")[0].replace("!secret sensor_token", "secret")
    (rest,) = yaml.safe_load(text)["rest"]
    url = urlsplit(rest["resource"])
    answer = browser.get(f"{url.path}?{url.query}").json()
    assert rest["sensor"][0]["value_template"] == "{{ value_json.total }}"
    assert answer["total"] == len(answer["items"]) == 1
    assert set(rest["sensor"][0]["json_attributes"]) <= answer["items"][0].keys()


def test_grafana_finds_its_columns(browser: httpx.Client) -> None:
    query = json.loads(blocks("json")[0])
    url = urlsplit(query["url"])
    rows = browser.get(f"{url.path}?{url.query}").json()[query["root_selector"]]
    assert len(rows) > 0
    assert {column["selector"] for column in query["columns"]} <= rows[0].keys()
