"""Web scans: tools, files with secrets, missing pages; similar benign traffic; repetition."""

from __future__ import annotations

import msgspec
import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpRequest, HttpResponse
from sensor.engine.compiled_wants import compiled
from tests.detectors.stories import START, detector, inspected, one

SCAN = "initial_access.web_scan"
SOURCE, SERVER = "10.0.0.66", "10.0.0.80"


def request(path: str, at: float = 0, *, agent: str = "Mozilla/5.0", host: str = "www") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(SOURCE), dst=parse(SERVER), sport=40000, dport=80, proto=6)
    return HttpRequest(packet, "GET", host, path, agent, "", "", "", "", -1, False)


def answer(path: str, status: int, at: float = 0) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(SERVER), dst=parse(SOURCE), sport=80, dport=40000, proto=6)
    return HttpResponse(packet, status, "", "", -1, (), "", "", "GET", path, False)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.00 (Nikto/2.1.6)",
        "sqlmap/1.7",
        "Mozilla/5.0 (compatible; Nmap Scripting Engine)",
        "gobuster/3.6",
        "Nuclei - x",
        "httpx - Open-source project (github.com/projectdiscovery/httpx)",
    ],
)
def test_a_tool_gives_itself_away(agent: str) -> None:
    """One request of a known tool raises an alert."""
    alert = one(inspected(detector(SCAN), [request("/", n, agent=agent) for n in range(20)]))
    assert (alert.severity, alert.actor.address) == (Severity.medium, parse(SOURCE))


def test_files_that_hold_secrets() -> None:
    """One request for a secret file is low, several are a scan."""
    first, second = inspected(
        detector(SCAN),
        [request(path, n) for n, path in enumerate(("/.env", "/.git/config", "/backup.sql", "/.aws/credentials"))],
    )
    assert (first.severity, second.severity) == (Severity.low, Severity.medium)
    assert second.numbers["files"] == 3


def test_a_server_that_becomes_internal() -> None:
    """Which requests are selected follows the configured networks, also for addresses that were evaluated before."""
    unit = detector(SCAN)
    choose = compiled(HttpRequest, [unit.wants()[HttpRequest]])  # type: ignore[attr-defined]
    sent = request("/", host="name.lab.example")
    for networks in ((), ("203.0.113.0/24",), ()):
        unit.context.networks.become(networks)
        outside = msgspec.structs.replace(sent, packet=Packet(dst=parse("203.0.113.8"), dport=80, proto=6))
        assert bool(choose(outside)) == bool(networks)


def test_names_of_a_word_list() -> None:
    """A word list of virtual hosts raises an alert, whatever the server answers; a client of a proxy, which requests
    whole URLs, clients of addresses, a browser with a dozen shards, and visits to many sites raise none.
    """
    alert = one(inspected(detector(SCAN), [request("/", n / 10, host=f"name{n}.lab.example") for n in range(60)]))
    assert (alert.numbers["hosts"], alert.techniques[1].technique) == (40, "T1595.003")
    quiet = (
        [request(f"http://name{n}.lab.example/", n / 10, host=f"name{n}.lab.example") for n in range(60)],
        [request("/", n / 10, host=f"{n}.0.2.1") for n in range(60)],
        [request("/", n / 10, host=f"tile{n % 12}.maps.example") for n in range(60)],
        [request("/", n / 10, host=f"www.site{n}.example") for n in range(60)],
        [request("/", n * 5, host=f"name{n}.lab.example") for n in range(60)],
    )
    for story in quiet:
        assert inspected(detector(SCAN), story) == []


@pytest.mark.parametrize("status", [404, 403])
def test_many_pages_that_are_not_there(status: int) -> None:
    """Requests of a word list raise an alert, also if the server forbids the pages (forced browsing)."""
    alert = one(inspected(detector(SCAN), [answer(f"/{n}", status, n / 10) for n in range(60)]))
    assert alert.numbers["missing"] == 20
    assert alert.target
    assert (alert.actor.address, alert.target.address, alert.target_port) == (parse(SOURCE), parse(SERVER), 80)


def test_benign_twins_are_quiet() -> None:
    """A site with some dead links, repeated requests for one, a slow crawler, monitoring probes, a page without its
    images and styles, and a build that asks two repositories for its packages raise no alert.
    """
    story = [answer(f"/{n}", 404 if n % 4 == 0 else 200, n / 4) for n in range(200)]
    story += [answer("/favicon.ico", 404, 100 + n / 10) for n in range(200)]
    story += [answer(f"/old/{n}", 404, 200 + 10 * n) for n in range(60)]
    story += [
        request(path, 900 + n, agent="kube-probe/1.30") for n in range(20) for path in ("/health", "/actuator/health")
    ]
    story += [answer(f"/gallery/{n}.{kind}", 404, 1000 + n / 10) for n in range(60) for kind in ("png", "css", "js")]
    story += [
        answer(f"/{repository}/org/example/lib{n}/1.{n}/lib{n}-1.{n}.{kind}", 404, 2000 + n / 10)
        for n in range(60)
        for repository in ("releases", "thirdparty")
        for kind in ("pom", "jar", "jar.sha1", "pdb")
    ]
    assert inspected(detector(SCAN), story) == []


def test_who_works_with_a_program_is_no_scanner() -> None:
    """Many pages of one folder count as one; one file in many folders is a scan."""
    [alert] = inspected(
        detector(SCAN),
        [
            request(f"/phpmyadmin/{page}.php?db=a", n)
            for n, page in enumerate(("index", "sql", "import", "export", "tbl_structure"))
        ],
    )
    assert (alert.severity, alert.numbers["files"]) == (Severity.low, 1)
    found = inspected(detector(SCAN), [request(f"/{folder}/.env", n) for n, folder in enumerate(("api", "app", "old"))])
    assert [alert.severity for alert in found] == [Severity.low, Severity.medium]


def test_repetition_is_one_finding() -> None:
    """A scan of an hour is reported every ten minutes with one key."""
    found = inspected(detector(SCAN), [answer(f"/{n}", 404, n / 2) for n in range(3600)])
    assert one(found)
    assert len(found) == 3
