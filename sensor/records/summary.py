"""A row as one line of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]


def summary(row: Row) -> str:
    """One line for a row of any table."""
    return " ".join(part for part in _LINES[row["table"]](row) if part)


def size(number: int | None) -> str:
    """Bytes with a unit."""
    value = float(number or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _conn(row: Row) -> list[str]:
    return [
        f"{row['proto']}/{row['dst_port']}" if row["dst_port"] is not None else str(row["proto"]),
        row["service"] or "", row["sni"] or "",
        f"{size(row['src_bytes'])} out, {size(row['dst_bytes'])} in, {row['duration']:.1f} s", row["state"] or "",
        *(_place(row, end) for end in ("src", "dst")),
    ]  # fmt: skip


def _place(row: Row, end: str) -> str:
    """Country and organization of an endpoint, if known."""
    known = " ".join(filter(None, (row.get(f"{end}_country"), row.get(f"{end}_as_org"))))
    return f"({'from' if end == 'src' else 'to'} {known})" if known else ""


def _dns(row: Row) -> list[str]:
    answers = ", ".join(one or "" for one in (row["answers"] or ())[:4])
    requested = " ".join(filter(None, (row["qtype"], row["query"])))
    return [
        "" if row["service"] == "dns" else row["service"],
        requested,
        f"→ {answers}" if answers else "",
        row["rcode"] if row["rcode"] != "NOERROR" else "",
    ]


def _http(row: Row) -> list[str]:
    return [
        row["method"],
        f"{row['host'] or ''}{row['uri'] or ''}",
        str(row["status"] or ""),
        row["content_type"] or "",
        row["user_agent"] or "",
    ]


def _tls(row: Row) -> list[str]:
    kind = f"QUIC {row['quic']}" if row["quic"] else row["version"] or "TLS, no answer"
    return [kind, row["sni"] or "", f"JA4 {row['ja4']}" if row["ja4"] else "", row["subject"] or ""]


def _auth(row: Row) -> list[str]:
    return [row["service"] or "", "login", f"as {row['user']}" if row["user"] else "", row["result"]]


def _ssh(row: Row) -> list[str]:
    return [row["client"] or "?", "→", row["server"] or "?"]


def _smb(row: Row) -> list[str]:
    path = "\\".join(filter(None, (row["share"], row["file"])))
    return [
        row["operation"],
        path,
        f"→ {row['new_name']}" if row["new_name"] else "",
        "(program)" if row["executable"] else "",
    ]


def _file(row: Row) -> list[str]:
    arrow = "→" if row["sender"] == "client" else "←"
    return [
        f"{row['service']} {arrow}", row["name"] or "", row["mime"] or "", size(row["size"]),
        f"SHA-256 {row['sha256']}" if row["sha256"] else f"no hash: {row['state']}",
    ]  # fmt: skip


def _sip(row: Row) -> list[str]:
    return [row["method"] or "", row["caller"] or "", "→", row["callee"] or "", str(row["status"] or "")]


def _rpc(row: Row) -> list[str]:
    call = ".".join(filter(None, (row["interface"], row["operation"] or f"opnum {row['opnum']}")))
    arguments = ", ".join(one or "" for one in (row["arguments"] or ())[:4])
    failed = f"fault {row['status'] or 0:#x}" if row["fault"] else ""
    return [call, f"({arguments})" if arguments else "", f"by {row['pipe']}" if row["pipe"] else "", failed]


def _snmp(row: Row) -> list[str]:
    who = row["community"] or " ".join(filter(None, (row["user"], row["security"])))
    names = ", ".join(one or "" for one in (row["variables"] or ())[:3])
    status = row["status"] if row["status"] != "no_error" else ""
    return [
        f"SNMP {row['version'] or '?'}",
        row["operation"] or "",
        row["trap"] or "",
        names,
        f"as {who}" if who else "",
        status or "",
    ]


def _rtsp(row: Row) -> list[str]:
    return [
        row["method"] or "",
        row["uri"] or "",
        str(row["status"] or ""),
        row["user_agent"] or "",
        row["server"] or "",
    ]


def _dhcp(row: Row) -> list[str]:
    return [row["message"], row["client_mac"] or "", row["hostname"] or "", row["assigned"] or row["requested"] or ""]


def _device(row: Row) -> list[str]:
    return [
        row["action"],
        row["type"] or "",
        row["vendor"] or "",
        row["model"] or "",
        row["name"] or "",
        ", ".join((row["ips"] or ())[:2]),
    ]


def _alert(row: Row) -> list[str]:
    return [row["severity"], row["action"], row["alert"], row["message"] or ""]


def _entity(row: Row) -> list[str]:
    return [row["role"], row["hostname"] or "", row["ip"] or row["mac"] or "", f"of {row['alert']}"]


def _recommendation(row: Row) -> list[str]:
    return [row["severity"], row["action"], row["setting"] or "", row["message"] or ""]


_LINES: dict[str, Callable[[Row], list[str]]] = {
    "conn": _conn, "dns": _dns, "http": _http, "tls": _tls, "auth": _auth, "ssh": _ssh, "smb": _smb, "files": _file,
    "rpc": _rpc, "sip": _sip,
    "rtsp": _rtsp, "snmp": _snmp, "dhcp": _dhcp, "device_history": _device, "alert": _alert, "alert_entity": _entity,
    "recommendation": _recommendation,
}  # fmt: skip
