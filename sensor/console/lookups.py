"""Queries of the traffic records that pages link to: the connections of an address or a device, and the DNS queries for
a domain. The hunt page shows the query, where it can be changed.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, NamedTuple

from sensor.core.foreign import part
from sensor.core.record_parts import objects
from sensor.datasets.dataset import Dataset
from sensor.records.paths import records_folder

MOST = 500
DEVICE = re.compile(r"dev-[a-z0-9]{1,64}")
DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
CVE = re.compile(r"CVE-\d{4}-\d{4,}", re.IGNORECASE)


class Lookups(NamedTuple):
    """SQL of further queries about a search term, empty if it does not apply; ``cve``: it is the name of a CVE;
    ``listed``: threat lists can contain it.
    """

    connections: str = ""
    names: str = ""
    cve: str = ""
    listed: bool = False


def lookups(dataset: Dataset, text: str, device: str = "") -> Lookups:
    """Queries about a search term. ``device``: id of the only device that matches it."""
    name, there = text.lower().rstrip("."), recorded(dataset)
    if CVE.fullmatch(text):
        return Lookups(cve=text.upper())
    if end := _address(text):
        return Lookups(connections(end) if there else "", listed=True)
    if device:
        return Lookups(connections(device) if there else "")
    if DOMAIN.fullmatch(name):
        return Lookups(names=_names(name) if there else "", listed=True)
    return Lookups()


def recorded(dataset: Dataset) -> bool:
    """Whether a dataset has traffic records."""
    return records_folder(dataset.log).is_dir()


def connections_of_alert(dataset: Dataset, record: dict[str, Any]) -> str:
    """The connections between the actor of an alert and its target, or all of the actor if there is not exactly one
    target; empty if none can be named.
    """
    targets = objects(record.get("targets")) or objects([record.get("dst")])
    ends = [_end(part(record, "src")), *([_end(targets[0])] if len(targets) == 1 else [])]
    return connections(*filter(None, ends)) if ends[0] and recorded(dataset) else ""


def connections(end: str, other: str = "", *, opened: bool = False) -> str:
    """The connections of an address or device id, or those between two of them, grouped, as SQL. ``opened``: only those
    that ``end`` opened.
    """
    pairs = [("src", end, "dst", other), *([] if opened else [("dst", end, "src", other)])]
    wanted = " OR ".join(
        f"{_is(near, one)} AND {_is(far, two)}" if two else _is(near, one) for near, one, far, two in pairs
    )
    return (
        "SELECT src_ip, src_device, dst_ip, dst_device, service, dst_port, min(ts) AS first, max(ts) AS last,\n"
        "    sum(src_bytes + dst_bytes) AS bytes, count(*) AS connections\n"
        f"FROM conn WHERE {wanted}\nGROUP BY ALL ORDER BY last DESC LIMIT {MOST}"
    )


def connections_of(host: str, server: str = "") -> str:
    """Those of a host, or of a client and a server, in traffic records; empty if one is neither an address nor a device
    id.
    """
    known = all(DEVICE.fullmatch(one) or _address(one) for one in filter(None, (host, server)))
    return connections(host, server, opened=bool(server)) if known else ""


def _names(domain: str) -> str:
    return (
        "SELECT src_ip, src_device, query, min(ts) AS first, max(ts) AS last, count(*) AS queries\n"
        f"FROM dns WHERE query = '{domain}' OR query LIKE '%.{_escaped(domain)}' ESCAPE '\\'\n"
        f"GROUP BY ALL ORDER BY last DESC LIMIT {MOST}"
    )


def _escaped(text: str) -> str:
    return text.replace("_", "\\_")


def _is(side: str, end: str) -> str:
    """A condition on one side. ``end`` was checked: it is an address or the id of a device."""
    return f"{side}_{'device' if DEVICE.fullmatch(end) else 'ip'} = '{end}'"


def _end(end: dict[str, Any]) -> str:
    """The address of an endpoint, else its device; empty if it has neither."""
    device = str(end.get("device") or "")
    return _address(str(end.get("ip") or "")) or (device if DEVICE.fullmatch(device) else "")


def _address(text: str) -> str:
    """An address without a zone, which may contain any character; empty if the text is none."""
    try:
        return "" if "%" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return ""
