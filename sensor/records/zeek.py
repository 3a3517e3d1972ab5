"""Records as Zeek logs (TSV), with the names and types of Zeek 7. Unknown values are unset (``-``).

``orig_ip_bytes`` counts the bytes after the Ethernet header, including the padding of short frames, which Zeek
excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sensor.core.community_id import ICMP_PAIRS
from sensor.core.ip_protocols import ICMP, ICMPV6
from sensor.records.codes import QTYPES, RCODES

Row = Mapping[str, Any]
Field = tuple[str, str, Callable[[Row], Any]]
ETHERNET, TAG = 14, 4
SERVICES = {"tls": "ssl", "kerberos": "krb", "postgres": "postgresql"}
NUMBERS = {"icmp": ICMP, "ipv6-icmp": ICMPV6}
_QTYPES, _RCODES = {name: number for number, name in QTYPES.items()}, {name: number for number, name in RCODES.items()}


def _of(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


def _ip_bytes(end: str) -> Callable[[Row], Any]:
    def behind(row: Row) -> int:
        head = ETHERNET + (TAG if row["vlan"] else 0)
        return max(0, int(row[f"{end}_bytes"]) - head * int(row[f"{end}_packets"]))

    return behind


def _resp_p(row: Row) -> Any:
    """Zeek has the type of the answer to an ICMP request in the place of the port, or the code."""
    pairs = ICMP_PAIRS.get(NUMBERS.get(row["proto"], 0), {})
    return pairs.get(row["src_port"], row["dst_port"])


def uid(row: Row) -> str:
    """Zeek's form of a connection id: C and letters."""
    return f"C{row['uid']:x}" if row["uid"] is not None else "-"


def file_uid(row: Row) -> str:
    """Zeek's form of a file id: F, its connection and its time."""
    return f"F{row['uid'] or 0:x}{int(row['ts'].replace(tzinfo=UTC).timestamp() * 1e6):x}"


_ENDS: tuple[Field, ...] = (
    ("ts", "time", _of("ts")),
    ("uid", "string", uid),
    ("id.orig_h", "addr", _of("src_ip")),
    ("id.orig_p", "port", _of("src_port")),
    ("id.resp_h", "addr", _of("dst_ip")),
    ("id.resp_p", "port", _resp_p),
)
_PROTO: Field = ("proto", "enum", lambda row: "icmp" if row["proto"] in NUMBERS else row["proto"])


def _state(row: Row) -> Any:
    """Zeek has no connection state for ICMP."""
    return "OTH" if row["proto"] in NUMBERS else row["state"]


def _unset(name: str, kind: str) -> Field:
    return name, kind, lambda _: None


LOGS: dict[str, tuple[Field, ...]] = {
    "conn": (
        *_ENDS, _PROTO, ("service", "string", lambda row: SERVICES.get(row["service"], row["service"])),
        ("duration", "interval", _of("duration")),
        ("orig_bytes", "count", _of("src_payload")), ("resp_bytes", "count", _of("dst_payload")),
        ("conn_state", "string", _state),
        ("local_orig", "bool", lambda row: row["direction"] in {"internal", "outbound"}),
        ("local_resp", "bool", lambda row: row["direction"] in {"internal", "inbound"}),
        ("missed_bytes", "count", _of("missed_bytes")), ("history", "string", _of("history")),
        ("orig_pkts", "count", _of("src_packets")),
        ("orig_ip_bytes", "count", _ip_bytes("src")), ("resp_pkts", "count", _of("dst_packets")),
        ("resp_ip_bytes", "count", _ip_bytes("dst")),
        _unset("tunnel_parents", "set[string]"), ("orig_l2_addr", "string", _of("src_mac")),
        ("resp_l2_addr", "string", _of("dst_mac")),
        ("vlan", "int", _of("vlan")), ("community_id", "string", _of("community_id")),
    ),
    "dns": (
        *_ENDS, _PROTO, _unset("trans_id", "count"), ("rtt", "interval", _of("rtt")), ("query", "string", _of("query")),
        ("qtype", "count", lambda row: _QTYPES.get(row["qtype"])), ("qtype_name", "string", _of("qtype")),
        ("rcode", "count", lambda row: _RCODES.get(row["rcode"])), ("rcode_name", "string", _of("rcode")),
        ("answers", "vector[string]", _of("answers")),
    ),
    "http": (
        *_ENDS, ("method", "string", _of("method")), ("host", "string", _of("host")), ("uri", "string", _of("uri")),
        ("user_agent", "string", _of("user_agent")), ("request_body_len", "count", _of("request_size")),
        ("response_body_len", "count", _of("response_size")), ("status_code", "count", _of("status")),
        ("username", "string", _of("user")),
        ("resp_mime_types", "vector[string]", lambda row: [row["content_type"]] if row["content_type"] else None),
    ),
    "tls": (
        *_ENDS, ("version", "string", lambda row: (row["version"] or "").replace(" ", "v").replace(".", "") or None),
        ("cipher", "string", _of("cipher")),
        ("server_name", "string", _of("sni")), ("next_protocol", "string", _of("alpn")),
        ("established", "bool", lambda row: row["version"] is not None),
        ("cert_chain_fps", "vector[string]", lambda row: [row["sha256"]] if row["sha256"] else None),
        ("subject", "string", _of("subject")),
        ("issuer", "string", _of("issuer")), ("ja3", "string", _of("ja3")), ("ja3s", "string", _of("ja3s")),
        ("ja4", "string", _of("ja4")),
    ),
    "files": (
        *_ENDS, ("fuid", "string", file_uid), ("source", "string", lambda row: row["service"].upper()),
        ("mime_type", "string", _of("mime")), ("filename", "string", _of("name")),
        ("is_orig", "bool", lambda row: row["sender"] == "client"), ("seen_bytes", "count", _of("size")),
        ("timedout", "bool", lambda row: row["state"] == "cut off"), ("sha256", "string", _of("sha256")),
    ),
    "ssh": (
        *_ENDS, ("client", "string", _of("client")), ("server", "string", _of("server")),
        ("hassh", "string", _of("hassh")),
        ("hasshServer", "string", _of("hassh_server")),
    ),
    "rpc": (
        *_ENDS, ("rtt", "interval", _of("rtt")), ("named_pipe", "string", _of("pipe")),
        ("endpoint", "string", _of("interface")),
        ("operation", "string", _of("operation")),
    ),
    "snmp": (
        *_ENDS, ("duration", "interval", _of("rtt")), ("version", "string", _of("version")),
        ("community", "string", lambda row: row["community"] if row["community"] != "other" else None),
    ),
    "sip": (
        *_ENDS, ("method", "string", _of("method")), ("request_from", "string", _of("caller")),
        ("request_to", "string", _of("callee")),
        ("call_id", "string", _of("call_id")), ("user_agent", "string", _of("user_agent")),
        ("status_code", "count", _of("status")),
    ),
    "dhcp": (
        *_ENDS, ("mac", "string", _of("client_mac")), ("host_name", "string", _of("hostname")),
        ("requested_addr", "addr", _of("requested")),
        ("assigned_addr", "addr", _of("assigned")), ("server_addr", "addr", _of("server_id")),
        ("lease_time", "interval", _of("lease_s")),
        ("msg_types", "vector[string]", lambda row: [row["message"].upper()]),
    ),
}  # fmt: skip
PATHS = {"tls": "ssl", "rpc": "dce_rpc"}


def header(table: str) -> str:
    """The header of a log."""
    fields = LOGS[table]
    lines = (
        "#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-",
        f"#path\t{PATHS.get(table, table)}",
        "\t".join(("#fields", *(name for name, _, _ in fields))),
        "\t".join(("#types", *(kind for _, kind, _ in fields))),
    )  # fmt: skip
    return "\n".join(lines) + "\n"


def line(table: str, row: Row) -> str:
    """One row as a line."""
    return "\t".join(_text(value(row), kind) for _, kind, value in LOGS[table]) + "\n"


def _text(value: Any, kind: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=UTC).timestamp():.6f}"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, list):
        return ",".join(_escaped(str(one)).replace(",", "\\x2c") for one in value) or "(empty)"
    if kind == "interval":
        return f"{value:.6f}"
    return _escaped(str(value)) or "(empty)"


def _escaped(text: str) -> str:
    """Escape field separators, and values that would be read as unset or empty."""
    escaped = text.replace("\\", "\\\\").replace("\t", "\\x09").replace("\n", "\\x0a")
    return {"-": "\\x2d", "(empty)": "\\x28empty)"}.get(escaped, escaped)
