"""The site: devices and all their faults, as the common input of scores, tickets, paths, least privilege and reports.

It is built once from the records of a log or an inventory (``build.py``) and then only read. Its time is that of the
last packet, so that a report of last year's capture is about last year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sensor.core.addresses import Networks
from sensor.core.device import Lease
from sensor.core.device_text import product_text
from sensor.core.foreign import part, texts
from sensor.core.reader import clean
from sensor.core.record_parts import objects
from sensor.posture.alert_ends import AlertEnds
from sensor.posture.device_names import device_name
from sensor.posture.firewall.simulate import Machine, Seen
from sensor.posture.vulnerabilities.priority import RiskFactors
from sensor.posture.weakness import Weakness

Record = dict[str, Any]


class Node(NamedTuple):
    """A device with the values of its record. ``segment``: its VLAN, otherwise the block of its address; ``aimed``:
    whether it is reachable from the internet, whether it was attacked, and its criticality.
    """

    id: str
    name: str
    type: str
    vendor: str
    model: str
    firmware: str
    address: str
    segment: str
    owner: str
    roles: frozenset[str]
    services: frozenset[str]
    first_seen: str
    last_seen: str
    gone: bool
    aimed: RiskFactors
    record: Record

    @property
    def text(self) -> str:
        """``10.20.10.62 (front-door, camera)``."""
        return device_name(self.address or self.id, self.name, self.type)

    @property
    def product(self) -> str:
        return product_text(self.vendor, self.model)


class Site(NamedTuple):
    """``weaknesses``: by device, most severe first; ``alerts``, ``incidents``, ``recommendations``: last record of
    each, closed ones too; ``seen``: hosts, habits and duration of the observation, for simulations of rules; ``now``:
    time of the last record, in the format of records; ``former``: ids in alerts → present ids, ``leases``: of
    addresses in alerts (``alert_ends.py``); ``unaffected``: by device, the CVEs of its product that do not affect its
    version; ``is_rejected``: whether a feed has a CVE as rejected.
    """

    nodes: Mapping[str, Node]
    weaknesses: Mapping[str, tuple[Weakness, ...]]
    alerts: tuple[Record, ...]
    incidents: tuple[Record, ...]
    recommendations: tuple[Record, ...]
    seen: Seen
    networks: Networks
    now: str
    former: Mapping[str, str] = {}
    leases: Mapping[str, Sequence[Lease]] = {}
    unaffected: Mapping[str, frozenset[str]] = {}
    is_rejected: Callable[[str], bool] = lambda _: False

    @property
    def ends(self) -> AlertEnds:
        """The devices at the ends of alerts."""
        held = ((node, part(node.record, "device").get("ips")) for node in self.nodes.values())
        first = {name: node.first_seen for name, node in self.nodes.items()}
        devices = {node.id: () if node.gone else texts(ips) for node, ips in held}
        return AlertEnds(devices, self.former, first, self.leases)

    def weak(self) -> Iterable[tuple[Node, Weakness]]:
        """All weaknesses of all devices."""
        for name, several in self.weaknesses.items():
            for one in several:
                yield self.nodes[name], one

    def machine(self, name: str) -> Machine | None:
        """A device that has an address, for simulations."""
        return self.seen.machines.get(name)


def ends_of(record: Record) -> tuple[list[str], list[str]]:
    """Ids of the devices of an alert or a recommendation: actors, targets."""
    ends = [record.get("dst"), *objects(record.get("targets"))]
    return _ids([record.get("src")]), _ids(ends)


def _ids(ends: Iterable[Any]) -> list[str]:
    return list(
        dict.fromkeys(
            clean(end["device"], 64) for end in ends if isinstance(end, dict) and isinstance(end.get("device"), str)
        )
    )
