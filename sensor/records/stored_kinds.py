"""What traffic records keep of each kind of event, connection and device change: the table, the rows, and an SQL
expression for each field. Rules are evaluated on past traffic with it.

A field that is missing here is unknown in records. Differences to live traffic: repeats of a message within seconds are
one row, and secrets in URIs are starred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sensor.records.codes import QTYPES, RCODES

FLOWS, DEVICES = "flow.", "device."
# Fields of every event and connection, and their columns; those of the server's messages are turned round.
ENDS = {
    "src": "src_ip", "src.port": "src_port", "src.mac": "src_mac", "dst": "dst_ip", "dst.port": "dst_port",
    "dst.mac": "dst_mac",
}  # fmt: skip
# Fields that follow from the ends, the time and the devices.
DERIVED = frozenset(("vlan", "proto", "direction", "hour"))
OF_DEVICES = frozenset(("type", "name", "vendor", "model", "os", "device"))


class StoredKind(NamedTuple):
    """``event``: module and class, empty for connections and devices; ``where``: SQL of the rows; ``server``: the
    server sends it; ``late``: SQL of the seconds from the row's time to the event.
    """

    event: str
    table: str
    where: str
    fields: Mapping[str, str]
    server: bool = False
    late: str = "0"

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of the named fields that the records do not have."""
        return [name for name in names if name not in self.fields and not _follows(name, self.table)]

    def column(self, name: str) -> str:
        """SQL of a field; empty if it is not a column of the row."""
        if name in ENDS and self.table != "device_history":
            return ENDS[_other(name) if self.server else name]
        return self.fields.get(name, "")


def _follows(name: str, table: str) -> bool:
    """Whether a field is derived from the ends, the time or the devices of a row."""
    if table == "device_history":
        return name in ("src", "src.mac", "vlan", "hour") or name.removeprefix("src.") in OF_DEVICES
    return name in ENDS or name in DERIVED or (name[:4] in ("src.", "dst.") and name[4:] in OF_DEVICES)


def _other(name: str) -> str:
    return f"{'dst' if name.startswith('src') else 'src'}{name[3:]}"


def _number(column: str, names: Mapping[int, str], prefix: str) -> str:
    """The number behind a name such as ``AAAA`` or ``TYPE65280``."""
    cases = " ".join(f"WHEN '{name}' THEN {number}" for number, name in names.items())
    return f"CASE {column} {cases} ELSE try_cast(replace({column}, '{prefix}', '') AS BIGINT) END"


_QTYPE, _RCODE = _number("qtype", QTYPES, "TYPE"), _number("rcode", RCODES, "RCODE")
# SQL of whether the server answered: with SYN-ACK, or without a captured handshake with any packet.
ANSWERED = (
    "CASE WHEN proto = 'tcp' AND state != 'OTH' THEN state IN ('S1', 'S2', 'S3', 'SF', 'RSTO', 'RSTR') "
    "ELSE dst_packets > 0 END"
)
_ENDED = {
    "src.bytes": "src_bytes", "dst.bytes": "dst_bytes", "src.packets": "src_packets", "dst.packets": "dst_packets",
    "answered": ANSWERED, "reason": "end_reason", "duration_s": "coalesce(duration, 0)",
}  # fmt: skip


def _conn(where: str = "true", fields: Mapping[str, str] | None = None, late: str = "0") -> tuple[StoredKind, ...]:
    return (StoredKind("", "conn", where, fields or {}, late=late),)


def _dns(service: str, where: str, event: str, *, server: bool = False, **fields: str) -> tuple[StoredKind, ...]:
    named = {"name": "query", "type": _QTYPE} | fields
    return (StoredKind(event, "dns", f"service = '{service}' AND {where}", named, server),)


def _request(event: str, table: str, where: str, **fields: str) -> tuple[StoredKind, ...]:
    return (StoredKind(event, table, where, fields),)


def _response(event: str, table: str, where: str, **fields: str) -> tuple[StoredKind, ...]:
    return (StoredKind(event, table, where, fields, server=True),)


_HELLO = {"sni": "sni", "ja3": "ja3", "ja4": "ja4", "encrypted": "ech"}
_SIP = {name: name for name in ("method", "caller", "callee", "call_id")}
_SNMP = {"version": "version", "user": "user", "level": "security", "operation": "operation", "names": "variables"}
_RPC = {"pipe": "pipe", "interface": "interface", "call": "operation", "number": "opnum"}
_DHCP = {"mac": "client_mac", "hostname": "hostname", "vendor_class": "vendor_class", "lease_s": "lease_s"}
_FROM_SERVERS = ("offer", "ack", "nak")
_SMB = {"share": "share", "name": "file"}

KINDS: dict[str, tuple[StoredKind, ...]] = {
    "flow.new": _conn(),
    "flow.answered": _conn(ANSWERED),
    "flow.refused": _conn("state = 'REJ'"),
    "flow.ended": _conn(fields=_ENDED, late="coalesce(duration, 0)"),
    "dns.query": _dns("dns", "true", "dns:DnsQuery"),
    "dns.response": _dns("dns", "rcode IS NOT NULL", "dns:DnsResponse", server=True, rcode=_RCODE, answers="answers"),
    "llmnr.query": _dns("llmnr", "true", "llmnr:LlmnrQuery"),
    "llmnr.response": _dns(
        "llmnr", "rcode IS NOT NULL", "llmnr:LlmnrResponse", server=True, rcode=_RCODE, answers="answers"
    ),
    "http.request": _request(
        "http:HttpRequest", "http", "true", method="method", host="host", path="uri", user_agent="user_agent",
        user="user", length="request_size",
    ),
    "http.response": _response(
        "http:HttpResponse", "http", "status IS NOT NULL", status="status", content_type="content_type",
        length="response_size", method="method", path="uri",
    ),
    "tls.client_hello": _request("tls:TlsClientHello", "tls", "quic IS NULL AND ja4 IS NOT NULL", **_HELLO),
    "tls.server_hello": _response(
        "tls:TlsServerHello", "tls", "quic IS NULL AND version IS NOT NULL", version="version", ja3s="ja3s",
        resumed="resumed",
    ),
    "tls.certificate": _response(
        "tls:TlsCertificate", "tls", "sha256 IS NOT NULL", subject="subject", issuer="issuer",
        sha256="sha256", self_signed="self_signed", not_before="epoch(not_before)::BIGINT",
        not_after="epoch(not_after)::BIGINT",
    ),
    "quic.client_hello": _request("quic:QuicClientHello", "tls", "quic IS NOT NULL", version="quic", **_HELLO),
    "ssh.banner": (
        StoredKind("ssh:SshBanner", "ssh", "client IS NOT NULL", {"software": "client", "from_client": "true"}),
        StoredKind("ssh:SshBanner", "ssh", "server IS NOT NULL", {"software": "server", "from_client": "false"}, True),
    ),
    "ssh.key_exchange": (
        StoredKind("ssh:SshKeyExchange", "ssh", "hassh IS NOT NULL", {"hassh": "hassh", "from_client": "true"}),
        StoredKind(
            "ssh:SshKeyExchange", "ssh", "hassh_server IS NOT NULL",
            {"hassh": "hassh_server", "from_client": "false"}, True,
        ),
    ),
    "smb.tree_connect": _request("shared.smb_events:SmbTreeConnect", "smb", "operation = 'connect'", share="share"),
    "smb.create": _request("shared.smb_events:SmbCreate", "smb", "operation = 'open'", **_SMB),
    "smb.write": _request(
        "shared.smb_events:SmbWrite", "smb", "operation = 'write'", size="size", executable="executable", **_SMB
    ),
    "smb.rename": _request("shared.smb_events:SmbRename", "smb", "operation = 'rename'", new_name="new_name", **_SMB),
    "smb.delete": _request("shared.smb_events:SmbDelete", "smb", "operation = 'delete'", **_SMB),
    "sip.request": _request("sip:SipRequest", "sip", "true", user_agent="user_agent", **_SIP),
    "sip.response": _response(
        "sip:SipResponse", "sip", "status IS NOT NULL", status="status", user_agent="server", **_SIP
    ),
    "snmp.request": _request("snmp:SnmpRequest", "snmp", "trap IS NULL", **_SNMP),
    "snmp.response": _response("snmp:SnmpResponse", "snmp", "status IS NOT NULL", status="status", **_SNMP),
    "snmp.trap": _request("snmp:SnmpTrap", "snmp", "trap IS NOT NULL", trap="trap", **_SNMP),
    "rtsp.request": _request(
        "rtsp:RtspRequest", "rtsp", "method IS NOT NULL", method="method", uri="uri", user_agent="user_agent",
        user="user",
    ),
    "rtsp.response": _response("rtsp:RtspResponse", "rtsp", "status IS NOT NULL", status="status"),
    "rpc.call": _request("shared.rpc_events:RpcCall", "rpc", "true", texts="arguments", **_RPC),
    "rpc.answer": _response(
        "shared.rpc_events:RpcAnswer", "rpc", "fault IS NOT NULL", fault="fault", status="status", **_RPC
    ),
} | {
    f"dhcp.{name}": (_response if name in _FROM_SERVERS else _request)(
        f"dhcp:Dhcp{name.capitalize()}", "dhcp", f"message = '{name}'", **_DHCP
    )
    for name in ("discover", "offer", "request", "decline", "ack", "nak", "release", "inform")
} | {
    f"device.{action}": _request("", "device_history", f"action = '{action}'")
    for action in ("new", "identified", "changed", "address_changed", "merged", "split", "gone", "back")
}  # fmt: skip
