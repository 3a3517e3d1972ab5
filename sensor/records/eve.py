"""Records as Suricata EVE events (JSON)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sensor.records.derived import community_of

Row = Mapping[str, Any]
PROTOS = {"ipv6-icmp": "IPv6-ICMP"}
STATES = {"S0": "new", "REJ": "closed", "RSTOS0": "closed"}
SEVERITIES = {"critical": 1, "high": 1, "medium": 2, "low": 3, "info": 3}
SNMP_VERSIONS = {"1": 1, "2c": 2, "3": 3}
SNMP_OPERATIONS = {
    "get": "get_request", "get_next": "get_next_request", "get_bulk": "get_bulk_request", "set": "set_request",
    "trap": "trap_v2", "inform": "inform_request",
}  # fmt: skip
_TYPES = {
    "conn": "flow",
    "http": "http",
    "tls": "tls",
    "dns": "dns",
    "ssh": "ssh",
    "smb": "smb",
    "rpc": "dcerpc",
    "snmp": "snmp",
    "sip": "sip",
    "dhcp": "dhcp",
    "files": "fileinfo",
    "alert": "alert",
}


def event(table: str, row: Row) -> dict[str, Any]:
    """One row as an EVE event."""
    made: dict[str, Any] = {"timestamp": moment(row["ts"]), "event_type": _TYPES[table]}
    if table == "alert":
        return made | _filled({"src_ip": row["src_ip"], "dest_ip": row["dst_ip"]}) | {"alert": _filled(_alert(row))}
    made |= _filled(
        {
            "flow_id": row["uid"], "src_ip": row["src_ip"], "src_port": row["src_port"], "dest_ip": row["dst_ip"],
            "dest_port": row["dst_port"],
            "proto": PROTOS.get(row["proto"], (row["proto"] or "").upper()) or None,
            "vlan": [row["vlan"]] if row["vlan"] else None,
            "community_id": row.get("community_id") or community_of(row), "host": row["sensor"],
        }
    )  # fmt: skip
    if table == "conn":
        made |= _filled({"app_proto": row["service"]})
    return made | {_TYPES[table]: _filled(_BODIES[table](row))}


def moment(ts: datetime) -> str:
    return ts.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")


def _filled(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _flow(row: Row) -> dict[str, Any]:
    return {
        "pkts_toserver": row["src_packets"], "pkts_toclient": row["dst_packets"], "bytes_toserver": row["src_bytes"],
        "bytes_toclient": row["dst_bytes"],
        "start": moment(row["ts"]), "end": moment(row["ts"] + timedelta(seconds=row["duration"])),
        "age": int(row["duration"]),
        "state": STATES.get(row["state"], "closed" if row["end_reason"] in {"finished", "reset"} else "established"),
        "reason": row["end_reason"], "alerted": bool(row.get("alert_ids")),
    }  # fmt: skip


def _dns(row: Row) -> dict[str, Any]:
    answers = [{"rrname": row["query"], "rrtype": row["qtype"], "rdata": one} for one in row["answers"] or ()]
    kind = "answer" if row["rcode"] else "query"
    return {
        "version": 2,
        "type": kind,
        "rrname": row["query"],
        "rrtype": row["qtype"],
        "rcode": row["rcode"],
        "answers": answers or None,
    }


def _http(row: Row) -> dict[str, Any]:
    return {
        "hostname": row["host"], "url": row["uri"], "http_user_agent": row["user_agent"],
        "http_content_type": row["content_type"],
        "http_method": row["method"], "status": row["status"], "length": row["response_size"],
    }  # fmt: skip


def _tls(row: Row) -> dict[str, Any]:
    ja3, ja3s = ({"hash": row[name]} if row[name] else None for name in ("ja3", "ja3s"))
    valid = {"notbefore": row["not_before"], "notafter": row["not_after"]}
    return {
        "sni": row["sni"], "version": row["version"], "subject": row["subject"], "issuerdn": row["issuer"],
        "ja3": ja3, "ja3s": ja3s, "ja4": row["ja4"],
    } | {name: one.strftime("%Y-%m-%dT%H:%M:%S") for name, one in valid.items() if one}  # fmt: skip


def _ssh(row: Row) -> dict[str, Any]:
    sides = (("client", "client", "hassh"), ("server", "server", "hassh_server"))
    return {
        end: _filled({"software_version": row[name], "hassh": {"hash": row[mark]} if row[mark] else None})
        for end, name, mark in sides
    }


def _smb(row: Row) -> dict[str, Any]:
    return {
        "command": row["operation"],
        "share": row["share"],
        "filename": row["file"],
        "rename": row["new_name"],
        "size": row["size"],
    }


def _rpc(row: Row) -> dict[str, Any]:
    answered = row["fault"] is not None
    return {
        "request": "REQUEST", "req": {"opnum": row["opnum"]},
        "response": ("FAULT" if row["fault"] else "RESPONSE") if answered else None,
        "interfaces": [{"name": row["interface"]}] if row["interface"] else None,
    }  # fmt: skip


def _snmp(row: Row) -> dict[str, Any]:
    return {
        "version": SNMP_VERSIONS.get(row["version"]), "pdu_type": SNMP_OPERATIONS.get(row["operation"],
        row["operation"]), "vars": row["variables"],
        "community": row["community"] if row["community"] != "other" else None, "usm": row["user"],
    }  # fmt: skip


def _sip(row: Row) -> dict[str, Any]:
    return {"method": row["method"], "code": str(row["status"]) if row["status"] else None}


def _dhcp(row: Row) -> dict[str, Any]:
    return {
        "dhcp_type": row["message"], "client_mac": row["client_mac"], "hostname": row["hostname"],
        "assigned_ip": row["assigned"],
        "requested_ip": row["requested"], "lease_time": row["lease_s"],
    }  # fmt: skip


def _file(row: Row) -> dict[str, Any]:
    return {
        "filename": row["name"] or "", "state": "CLOSED" if row["state"] == "whole" else "TRUNCATED", "stored": False,
        "size": row["size"], "sha256": row["sha256"],
    }  # fmt: skip


def _alert(row: Row) -> dict[str, Any]:
    return {
        "signature": row["title"],
        "category": row["detector"],
        "severity": SEVERITIES.get(row["severity"], 3),
        "action": "allowed",
    }


_BODIES: dict[str, Callable[[Row], dict[str, Any]]] = {
    "conn": _flow, "dns": _dns, "http": _http, "tls": _tls, "ssh": _ssh, "smb": _smb, "rpc": _rpc, "snmp": _snmp,
    "sip": _sip, "dhcp": _dhcp, "files": _file,
}  # fmt: skip
