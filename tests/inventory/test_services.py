"""Services: what is offered and used, from batches of flow changes."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.core.addresses import parse, parse_mac
from sensor.core.flow import CHANGE, Change
from sensor.core.service_names import service_text
from sensor.inventory.service_use import WINDOW, Services
from tests.inventory.stories import START

PRINTER, LAPTOP = "00:17:c8:1a:2b:3c", "00:1b:21:00:00:02"


def change(server: str, port: int, *, kind: Change = Change.ANSWERED, proto: int = 6, ts: int = START) -> np.ndarray:
    row = np.zeros(1, CHANGE)
    client, server_address = parse("10.0.0.5"), parse(server)
    row["kind"], row["proto"], row["server_port"], row["client_port"], row["ts"] = kind, proto, port, 50000, ts
    row["client_hi"] = client >> 64
    row["client_lo"] = client & (1 << 64) - 1
    row["server_hi"] = server_address >> 64
    row["server_lo"] = server_address & (1 << 64) - 1
    row["client_mac"], row["server_mac"] = parse_mac(LAPTOP), parse_mac(PRINTER)
    return row


def seen(services: Services, *rows: np.ndarray) -> list[tuple[int, str, bool]]:
    return [(index, service_text(one.service), one.offered) for index, one in services.fresh(np.concatenate(rows))]


def test_both_ends_are_reported_once_an_hour():
    """The server offers and the client uses the service; repeats are dropped for an hour."""
    services = Services()
    assert seen(services, change("10.0.0.9", 631), change("10.0.0.9", 631)) == [
        (0, "ipp/631", True),
        (0, "ipp/631", False),
    ]
    assert seen(services, change("10.0.0.9", 631, ts=START + 1)) == []
    assert seen(services, change("10.0.0.9", 631, ts=START + WINDOW + 1)) == [
        (0, "ipp/631", True),
        (0, "ipp/631", False),
    ]


@pytest.mark.parametrize(
    "row",
    [
        change("10.0.0.9", 631, kind=Change.NEW),
        change("10.0.0.9", 631, kind=Change.REFUSED),
        change("10.0.0.9", 40000),
        change("10.0.0.9", 8, proto=1),
        change("10.0.0.9", 0),
    ],
)
def test_what_is_no_service(row: np.ndarray):
    """Ports that did not answer, ephemeral ports, and protocols without ports."""
    assert seen(Services(), row) == []


def test_it_does_not_depend_on_batches():
    """The same rows in one batch or one by one give the same services, also for IPv6."""
    rows = [
        change(server, port, proto=proto, ts=START + n)
        for n, (server, port, proto) in enumerate([("10.0.0.9", 80, 6), ("fd00::9", 80, 6), ("10.0.0.9", 53, 17)] * 3)
    ]
    one, many = Services(), Services()
    assert [name for _, *name in seen(one, *rows)] == [name for row in rows for _, *name in seen(many, row)]


def test_names():
    """The usual name of a port, else the protocol."""
    assert [service_text(one) for one in (6 << 16 | 9100, 17 << 16 | 161, 6 << 16 | 7070, 17 << 16 | 7070)] == [
        "jetdirect/9100",
        "snmp/161",
        "tcp/7070",
        "udp/7070",
    ]


def test_services_seen_before_their_host_is_known(story):
    """The first connection to a server comes before other evidence of it: the service is added once it is a device.
    Services of another MAC with that address are not, and not more than a few are held.
    """
    for port in (9100, *range(1000, 1020)):
        for _, one in Services().fresh(change("10.0.0.9", port)):
            story.inventory.offer(one)
            story.inventory.offer(one._replace(mac=one.mac + 1, service=one.service + 1))
    assert story.who(PRINTER) is None
    story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(2)
    assert story.who(PRINTER).services == (*[f"tcp/{port}" for port in range(1000, 1007)], "jetdirect/9100")


def test_data_ports_of_ftp_are_no_services(story):
    """Passive FTP opens a random port for each file; named ports of the server are services."""
    story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(2)
    for port in (8888, 21, 9100, 20_001, 20_002):
        for _, one in Services().fresh(change("10.0.0.9", port)):
            story.inventory.offer(one)
    assert story.who(PRINTER).services == ("ftp/21", "tcp/8888", "jetdirect/9100")


def test_a_device_keeps_what_it_offers(story):
    """Only the holder of the address gets the services, within its bound, in order of ports."""
    story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(2)
    for port in (9100, 80, 631):
        for _, one in Services().fresh(change("10.0.0.9", port)):
            story.inventory.offer(one)
    assert story.who(PRINTER).services == ("http/80", "ipp/631", "jetdirect/9100")
    for port in range(1000, 1100):
        for _, one in Services().fresh(change("10.0.0.9", port)):
            story.inventory.offer(one)
    assert len(story.who(PRINTER).services) == story.inventory.limits.services
