"""Builds the rows of each table of messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sensor.records import columns
from sensor.records.batch import SHAPES, Batch, Fields, Message
from sensor.records.block import Rows
from sensor.records.codes import cipher_name, protection_name, qtype_name, rcode_name
from sensor.records.gather import hashes
from sensor.records.schema import AUTH, DHCP, DNS, FILES, HTTP, RPC, RTSP, SIP, SMB, SNMP, SSH, TLS, Table
from sensor.records.transactions import turned

FROM_SERVERS = frozenset(("DhcpOffer", "DhcpAck", "DhcpNak"))


def _flow(rows: Rows) -> npt.NDArray[np.uint64]:
    flows: npt.NDArray[np.uint64] = rows.heads["flow"]
    return flows


def _flow_and_id(rows: Rows) -> npt.NDArray[np.uint64]:
    """Key of DNS messages: flow and message id, the first field."""
    return _flow(rows) << np.uint64(16) | rows.words[:, 0] & np.uint64(0xFFFF)


def _mixed(place: int, number: int | None = None) -> Callable[[Rows], npt.NDArray[np.uint64]]:
    """A key made of the flow and a text, and optionally a number."""

    def key(rows: Rows) -> npt.NDArray[np.uint64]:
        made = _flow(rows) * np.uint64(0x9E3779B97F4A7C15) ^ hashes(rows.text, rows.words[:, place])
        return made if number is None else made ^ rows.words[:, number] * np.uint64(0xC2B2AE3D27D4EB4F)

    return key


def _stacked(table: Table, batch: Batch, some: Sequence[tuple[npt.NDArray[np.void], dict[str, Any]]]) -> pa.Table:
    """Rows of several kinds as one table, in order of time."""
    made = [columns.filled(table, batch.common(heads) | more, len(heads)) for heads, more in some if len(heads)]
    if not made:
        return columns.coded_schema(table).empty_table()
    whole = pa.concat_tables(made)
    return whole.take(pc.sort_indices(whole["ts"])) if len(made) > 1 else whole


def dns(batch: Batch) -> pa.Table:
    some = []
    for service, query, response in (("dns", "DnsQuery", "DnsResponse"), ("llmnr", "LlmnrQuery", "LlmnrResponse")):
        heads, (requests, responses) = batch.exchange(
            Message(query, _flow_and_id), Message(response, _flow_and_id, server=True)
        )
        more = {
            "service": pa.array([service] * len(heads), pa.string()),
            "query": pc.coalesce(requests.text("name"), responses.text("name")),
            "qtype": pc.coalesce(requests.named("type", qtype_name), responses.named("type", qtype_name)),
            "rcode": responses.named("rcode", rcode_name),
            "answers": responses.list("answers"),
            "ttl": pc.if_else(pc.is_valid(responses.list("answers")), responses.known("answers", 1), None),
            "rtt": responses.after(requests),
        }
        some.append((heads, more))
    return _stacked(DNS, batch, [*some, *_mdns(batch)])


def _mdns(batch: Batch) -> list[tuple[npt.NDArray[np.void], dict[str, Any]]]:
    """Multicast DNS: queries and announcements are separate rows."""
    requests, responses = batch.alone("MdnsQuery"), batch.alone("MdnsAnnouncement")
    query = pc.replace_substring(requests.text("questions"), "\x1f", ", ")
    first = {"service": _all("mdns", requests), "query": query, "qtype": requests.named("questions", qtype_name, 1)}
    second = {
        "service": _all("mdns", responses),
        "answers": responses.list("records"),
        "ttl": responses.known("records", 1),
    }
    return [(requests.rows.heads, first), (responses.rows.heads, second)]


def _all(value: str, fields: Fields) -> pa.Array:
    return pa.array([value] * len(fields.rows), pa.string())


def http(batch: Batch) -> pa.Table:
    """HTTP exchanges. A response whose body is incomplete waits for its hash."""
    begun, seen = _moments(batch.rows("FileBegun")), _moments(batch.rows("FileSeen"))
    under_way = np.setdiff1d(begun, seen)
    batch.keep("FileBegun", np.isin(begun, under_way))
    heads, (requests, responses) = batch.exchange(
        Message("HttpRequest", _mixed(2)),
        Message("HttpResponse", _mixed(5), server=True),
        waits=lambda last: np.isin(_moments(last), under_way),
    )
    more = {
        "method": pc.coalesce(requests.text("method"), responses.text("method")),
        "host": requests.text("host"),
        "uri": pc.coalesce(requests.text("path"), responses.text("path")),
        "user_agent": requests.text("user_agent"),
        "user": requests.text("user"),
        "server": responses.text("server"),
        "status": responses.known("status"),
        "content_type": responses.text("content_type"),
        "request_size": requests.known("length"),
        "response_size": responses.known("length"),
        "sha256": _hashes(batch, _moments(responses.rows), responses.there),
        "rtt": responses.after(requests),
    }
    return _stacked(HTTP, batch, [(heads, more)])


def _moments(rows: Rows) -> npt.NDArray[np.uint64]:
    """Connection and time of messages as one number: a body has the same as its head."""
    made: npt.NDArray[np.uint64] = _flow(rows) * np.uint64(0x9E3779B97F4A7C15) ^ rows.heads["ts"].astype(np.uint64)
    return made


def _hashes(batch: Batch, moments: npt.NDArray[np.uint64], there: npt.NDArray[np.bool_]) -> pa.Array:
    """The hash of each response's body; null if there is none."""
    seen = batch.alone("FileSeen")
    own, hashed = _moments(seen.rows), seen.text("sha256")
    if not len(own):
        return pa.nulls(len(moments), pa.string())
    order = np.argsort(own, kind="stable")
    place = np.minimum(np.searchsorted(own[order], moments), len(own) - 1)
    found = there & (own[order][place] == moments)
    return hashed.take(pa.array(order[place], mask=~found))


def files(batch: Batch) -> pa.Table:
    seen = batch.alone("FileSeen")
    more: dict[str, Any] = {name: seen.text(name) for name in ("service", "name", "mime", "sha256", "state")}
    more |= {
        "sender": pa.array(np.where(seen.number("from_client") != 0, "client", "server").astype(object), pa.string()),
        "size": seen.known("size"),
    }
    return _stacked(FILES, batch, [(seen.rows.heads, more)])


def tls(batch: Batch) -> pa.Table:
    heads, (hello, chosen, shown) = batch.exchange(
        Message("TlsClientHello", _flow),
        Message("TlsServerHello", _flow, server=True),
        Message("TlsCertificate", _flow, server=True, when=False),
    )
    more = {
        "version": chosen.text("version"),
        "cipher": chosen.named("cipher", cipher_name),
        "sni": hello.text("sni"),
        "alpn": pc.coalesce(chosen.text("alpn"), pc.list_element(_never_empty(hello.list("alpn")), 0)),
        "ja3": hello.text("ja3"),
        "ja4": hello.text("ja4"),
        "ja3s": chosen.text("ja3s"),
        "issuer": shown.text("issuer"),
        "subject": shown.text("subject"),
        "sha256": shown.text("sha256"),
        "not_before": columns.moments(shown.number("not_before"), shown.there),
        "not_after": columns.moments(shown.number("not_after"), shown.there),
        "self_signed": shown.flag("self_signed"),
        "resumed": chosen.flag("resumed"),
        "ech": hello.flag("encrypted"),
    }
    quic = batch.alone("QuicClientHello")
    first = pc.list_element(_never_empty(quic.list("alpn")), 0)
    other = {name: quic.text(name) for name in ("sni", "ja3", "ja4")}
    other |= {"alpn": first, "ech": quic.flag("encrypted"), "quic": quic.text("version")}
    return _stacked(TLS, batch, [(heads, more), (quic.rows.heads, other)])


def _never_empty(lists: pa.Array) -> pa.Array:
    """Lists whose first item can be taken: null instead of empty lists."""
    return pc.fill_null(lists, pa.scalar([None], pa.list_(pa.string())))


def auth(batch: Batch) -> pa.Table:
    tried = batch.alone("LoginAttempt")
    judged, accepted, unknown = (tried.number(name) != 0 for name in ("judged", "accepted", "unknown"))
    result = np.select([~judged, accepted, unknown], ["unknown", "accepted", "no such account"], "refused")
    more = {
        "service": pc.utf8_lower(tried.text("service")),
        "user": tried.text("account"),
        "result": pa.array(result.astype(object), pa.string()),
    }
    return _stacked(AUTH, batch, [(tried.rows.heads, more)])


def ssh(batch: Batch) -> pa.Table:
    """Both banners and both key exchanges of a connection form one row."""
    heads, (client, server, theirs, ours) = batch.exchange(
        Message("SshBanner", _flow, when=True), Message("SshBanner", _flow, server=True, when=False),
        Message("SshKeyExchange", _flow, when=True), Message("SshKeyExchange", _flow, server=True, when=False),
        timed=False,
    )  # fmt: skip
    more = {
        "client": client.text("software"),
        "server": server.text("software"),
        "hassh": theirs.text("hassh"),
        "hassh_server": ours.text("hassh"),
    }
    return _stacked(SSH, batch, [(heads, more)])


def smb(batch: Batch) -> pa.Table:
    some = []
    for name, word in (
        ("TreeConnect", "connect"),
        ("Create", "open"),
        ("Write", "write"),
        ("Rename", "rename"),
        ("Delete", "delete"),
    ):
        messages = batch.alone(f"Smb{name}")
        more = {"operation": _all(word, messages), "share": messages.text("share")}
        if name != "TreeConnect":
            more["file"] = messages.text("name")
        if name == "Rename":
            more["new_name"] = messages.text("new_name")
        if name == "Write":
            more |= {"size": messages.known("size"), "executable": messages.flag("executable")}
        some.append((messages.rows.heads, more))
    return _stacked(SMB, batch, some)


def sip(batch: Batch) -> pa.Table:
    heads, (requests, responses) = batch.exchange(
        Message("SipRequest", _mixed(3, 4)), Message("SipResponse", _mixed(4, 5), server=True)
    )
    both = {
        name: pc.coalesce(requests.text(name), responses.text(name))
        for name in ("method", "caller", "callee", "call_id")
    }
    more = both | {
        "user_agent": requests.text("user_agent"),
        "server": responses.text("user_agent"),
        "status": responses.known("status"),
    }
    return _stacked(SIP, batch, [(heads, more)])


def dhcp(batch: Batch) -> pa.Table:
    some = []
    for name in (name for name in SHAPES if name.startswith("Dhcp")):
        messages = batch.alone(name)
        heads = turned(messages.rows.heads) if name in FROM_SERVERS else messages.rows.heads
        more = {
            "message": _all(name.removeprefix("Dhcp").lower(), messages),
            "client_mac": columns.macs(messages.words("mac")),
            "hostname": messages.text("hostname"),
            "vendor_class": messages.text("vendor_class"),
            "requested": messages.address("requested"),
            "assigned": messages.address("offered"),
            "server_id": messages.address("server"),
            "lease_s": columns.where(messages.number("lease_s") > 0, messages.number("lease_s")),
        }
        some.append((heads, more))
    return _stacked(DHCP, batch, some)


def _numbered(place: int) -> Callable[[Rows], npt.NDArray[np.uint64]]:
    """A key made of the flow and a number."""

    def key(rows: Rows) -> npt.NDArray[np.uint64]:
        return _flow(rows) * np.uint64(0x9E3779B97F4A7C15) ^ rows.words[:, place] * np.uint64(0xC2B2AE3D27D4EB4F)

    return key


def rpc(batch: Batch) -> pa.Table:
    """RPC calls with their answers: of the same pipe and call id, in sequence."""
    heads, (called, answered) = batch.exchange(
        Message("RpcCall", _mixed(0, 3)), Message("RpcAnswer", _mixed(0, 3), server=True)
    )
    more = {name: pc.coalesce(called.text(name), answered.text(name)) for name in ("pipe", "interface")}
    more |= {
        "operation": pc.coalesce(called.text("call"), answered.text("call")),
        "opnum": pc.coalesce(called.known("number"), answered.known("number")),
        "protection": called.named("level", protection_name),
        "arguments": called.list("texts"),
        "fault": answered.flag("fault"),
        "status": answered.known("status"),
        "rtt": answered.after(called),
    }
    return _stacked(RPC, batch, [(heads, more)])


def snmp(batch: Batch) -> pa.Table:
    """Requests with their responses; traps are separate rows."""
    heads, (requests, responses) = batch.exchange(
        Message("SnmpRequest", _numbered(5)), Message("SnmpResponse", _numbered(5), server=True)
    )
    more = {name: pc.coalesce(requests.text(name), responses.text(name)) for name in ("version", "community", "user")}
    more |= {
        "security": pc.coalesce(requests.text("level"), responses.text("level")),
        "operation": pc.coalesce(requests.text("operation"), responses.text("operation")),
        "variables": pc.coalesce(requests.list("names"), responses.list("names")),
        "status": responses.text("status"),
        "rtt": responses.after(requests),
    }
    trap = batch.alone("SnmpTrap")
    alone = {name: trap.text(name) for name in ("version", "community", "user", "operation", "trap")}
    alone |= {"security": trap.text("level"), "variables": trap.list("names")}
    return _stacked(SNMP, batch, [(heads, more), (trap.rows.heads, alone)])


def rtsp(batch: Batch) -> pa.Table:
    heads, (requests, responses) = batch.exchange(
        Message("RtspRequest", _numbered(2)), Message("RtspResponse", _numbered(1), server=True)
    )
    more = {name: requests.text(name) for name in ("method", "uri", "user_agent", "user")}
    more |= {"server": responses.text("server"), "status": responses.known("status"), "rtt": responses.after(requests)}
    return _stacked(RTSP, batch, [(heads, more)])


class Builder(NamedTuple):
    """``of``: prefix of the names of the messages that the table is built from."""

    build: Callable[[Batch], pa.Table]
    of: tuple[str, ...]


_BUILDERS: dict[str, Builder] = {
    "dns": Builder(dns, ("Dns", "Llmnr", "Mdns")),
    "http": Builder(http, ("Http", "FileBegun")),
    "files": Builder(files, ("FileSeen",)),
    "tls": Builder(tls, ("Tls", "Quic")),
    "auth": Builder(auth, ("LoginAttempt",)),
    "ssh": Builder(ssh, ("Ssh",)),
    "smb": Builder(smb, ("Smb",)),
    "rpc": Builder(rpc, ("Rpc",)),
    "sip": Builder(sip, ("Sip",)),
    "rtsp": Builder(rtsp, ("Rtsp",)),
    "snmp": Builder(snmp, ("Snmp",)),
    "dhcp": Builder(dhcp, ("Dhcp",)),
}


def tables_of(batch: Batch) -> dict[str, pa.Table]:
    """The tables of messages, by name: those for which the batch has messages."""
    return {
        name: one.build(batch)
        for name, one in _BUILDERS.items()
        if any(message.startswith(one.of) for message in batch.messages)
    }
