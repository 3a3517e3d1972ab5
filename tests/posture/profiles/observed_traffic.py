"""Sites for the tests of profiles: a few devices and their baselines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.time_units import HOUR
from sensor.inventory.habits import OUTSIDE, Habits
from sensor.inventory.rules import parse_service
from sensor.posture.firewall.model import Host
from sensor.posture.firewall.simulate import Machine, Seen
from sensor.posture.site import Node, Site
from sensor.posture.vulnerabilities.priority import RiskFactors

START = 1_795_500_000_000_000_000
NOW = "2026-11-24T08:19:34.000500Z"
AWHILE = RiskFactors()


def node(name: str, kind: str, address: str, vendor: str = "", model: str = "", firmware: str = "") -> Node:
    record = {"device": {"id": name, "ips": [address], "type": kind, "hostname": name.removeprefix("dev-")}}
    return Node(
        name, name.removeprefix("dev-"), kind, vendor, model, firmware, address,
        addresses.segment(addresses.parse(address)), "",
        frozenset(), frozenset(), NOW, NOW, gone=False, aimed=AWHILE, record=record,
    )  # fmt: skip


def habits(
    kind: str,
    *,
    uses: Iterable[str] = (),
    serves: Iterable[str] = (),
    reaches: Iterable[str] = (),
    hours: int = 400,
    talked: int = 100,
) -> Habits:
    """``uses``, ``serves``: ``tcp/554 dev-nvr``; ``reaches``: ``tcp/443 cloud.example@203.0.113.5``. All flows began in
    the first hour.
    """
    made = Habits(kind, "10.0.3.0/24", START)
    made.last, made.hours = START + hours * HOUR, talked
    for word in uses:
        service, _, peer = word.partition(" ")
        made.use(peer, parse_service(service), START)
    for word in serves:
        service, _, peer = word.partition(" ")
        made.serve(peer, parse_service(service), START)
    for word in reaches:
        service, _, peer = word.partition(" ")
        made.use(OUTSIDE, parse_service(service), START)
        named = peer[0].isalpha()
        name, _, address = peer.partition("@")
        made.reach([name] if named else [], (address or "192.0.2.9") if named else peer, parse_service(service), START)
    return made


def site(nodes: Iterable[Node], learned: dict[str, Habits] | None, alerts: Iterable[dict[str, Any]] = ()) -> Site:
    several = {one.id: one for one in nodes}
    machines = {
        name: Machine(Host(name, one.name, one.type, (addresses.parse(one.address),))) for name, one in several.items()
    }
    seen = Seen(machines, learned, (START, START + 400 * HOUR))
    return Site(several, {}, tuple(alerts), (), (), seen, Networks(), NOW)


CAMERA = node("dev-camera", "camera", "10.0.3.5", "Axis", "P3245")
SISTER = node("dev-sister", "camera", "10.0.3.6", "Axis", "P3245")
NVR = node("dev-nvr", "nvr", "10.0.3.2", "Milestone")
DNS = node("dev-dns", "server", "10.0.1.1")
PC = node("dev-pc", "workstation", "10.0.0.9")
PRINTER = node("dev-printer", "printer", "10.0.2.5", "Kyocera", "TASKalfa")
NETWORK = (CAMERA, SISTER, NVR, DNS, PC, PRINTER)


def cameras() -> Site:
    """A camera with DNS, NTP, a recorder that controls it, another camera it connects to, and cloud servers with and
    without a name; and a printer that all clients use.
    """
    return site(
        NETWORK,
        {
            "dev-camera": habits(
                "camera", uses=("udp/53 dev-dns", "tcp/8080 dev-sister"), serves=("rtsp/554 dev-nvr",),
                reaches=("tcp/443 cloud.example", "udp/123 198.51.100.123"),
            ),
            "dev-printer": habits("printer", uses=("udp/53 dev-dns", "tcp/445 dev-pc"),
            serves=("tcp/9100 dev-pc", "tcp/9100 10.0.0.77")),
        },
    )  # fmt: skip
