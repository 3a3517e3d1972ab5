"""The proof of a finding as records show it: messages, flows, device changes and observations."""

from __future__ import annotations

from typing import Any

import msgspec

from sensor.core import addresses
from sensor.core.alert import Proof
from sensor.core.community_id import community_id
from sensor.core.device import DeviceChange
from sensor.core.event import Event
from sensor.core.flow import Change, Flow, Reason
from sensor.core.observation import Evidence, Subject
from sensor.core.reader import clean
from sensor.core.record_parts import (
    FACTS_LIMIT,
    ITEMS_LIMIT,
    TEXT_LIMIT,
    Body,
    end_body,
    filled,
    plain,
    short_text,
    time_text,
)
from sensor.core.stored import Recorded, Stored


def proof_body(proof: Proof | Evidence) -> Body:
    """A proof as a JSON object: endpoints, time, and the fields of the message or the counters of the flow; a change of
    a device; a row of the traffic records; or an observation of a device with the conclusion of a fingerprint.
    """
    if isinstance(proof, Recorded):
        return proof.body
    if isinstance(proof, Stored):
        return _stored_body(proof)
    if not isinstance(proof, (Event, Flow, DeviceChange)):
        made = {
            proof.attribute: short_text(proof.value),
            "seen": clean(proof.seen, TEXT_LIMIT),
            "fingerprint": short_text(proof.fingerprint),
            "count": proof.count,
        }
        return {"event": short_text(proof.kind), "ts": time_text(proof.last), "facts": filled(made)}
    if isinstance(proof, DeviceChange):
        facts = {one.field: f"{short_text(one.old) or 'unknown'} → {short_text(one.new)}" for one in proof.changes}
        return filled(
            {"event": f"device.{proof.action}", "ts": time_text(proof.ts), "device": proof.device.id, "facts": facts}
        )
    client, server, client_port, server_port, proto, vlan = _ends(proof)
    facts = _flow_facts(proof) if isinstance(proof, Flow) else _event_facts(proof)
    return filled(
        {
            "event": f"flow.{proof.kind.name.lower()}" if isinstance(proof, Flow) else proof.kind,
            "ts": time_text(proof.ts),
            "src": end_body(client, None, client_port),
            "dst": end_body(server, None, server_port),
            "proto": proto,
            "vlan": vlan,
            "facts": facts,
        }
    )


def community_id_of(proof: Proof) -> str:
    """The Community ID of the flow that is the proof; empty if it is not an IP flow."""
    if isinstance(proof, Recorded):
        return proof.community_id
    if isinstance(proof, (DeviceChange, Stored)):
        return ""
    if not isinstance(proof, Flow) and proof.packet.fragment:
        return ""
    client, server, client_port, server_port, proto, _ = _ends(proof)
    return community_id(client.address, server.address, proto, client_port, server_port)


def _ends(proof: Event | Flow) -> tuple[Subject, Subject, int, int, int, int]:
    """Both endpoints, their ports, the IP protocol (0: no IP) and the VLAN."""
    if isinstance(proof, Flow):
        client, server = Subject(proof.client_mac, proof.client), Subject(proof.server_mac, proof.server)
        return client, server, proof.client_port, proof.server_port, proof.proto, proof.vlan
    packet = proof.packet
    client, server = Subject(packet.src_mac, packet.src), Subject(packet.dst_mac, packet.dst)
    return client, server, packet.sport, packet.dport, packet.proto if packet.ip_version else 0, packet.vlan


def _stored_body(proof: Stored) -> Body:
    return filled(
        {
            "event": f"record.{proof.table}",
            "ts": time_text(proof.ts),
            "src": end_body(proof.client, None, proof.client_port),
            "dst": end_body(proof.server, None, proof.server_port),
            "facts": filled({short_text(name): plain(value) for name, value in proof.facts[:FACTS_LIMIT]}),
        }
    )


def _flow_facts(flow: Flow) -> Body:
    return filled(
        {
            "answered": flow.answered,
            "reason": "" if flow.reason == Reason.NONE else flow.reason.name.lower(),
            "first": time_text(flow.first),
            "client_packets": flow.client_packets,
            "client_bytes": flow.client_bytes,
            "server_packets": flow.server_packets,
            "server_bytes": flow.server_bytes,
        }
        | ({"refused": True} if flow.kind == Change.REFUSED else {})
    )


def _event_facts(event: Event) -> Body:
    """The fields of an event except its packet."""
    return filled({name: _fact(name, getattr(event, name)) for name in event.__struct_fields__[1 : FACTS_LIMIT + 1]})


def _fact(name: str, value: Any) -> Any:
    """A field value for JSON. Addresses are integers internally: MACs are recognized by the field's name, IP addresses
    by their size (IPv4-mapped, or over 64 bits).
    """
    kind = type(value)
    if kind is str:
        return clean(value, TEXT_LIMIT)
    if kind is bool:
        return value
    if kind is int:
        if name.endswith("mac") and 0 < value < 1 << 48:
            return addresses.mac_text(value)
        if addresses.is_v4(value) or 0 < value >> 64 < 1 << 64:
            return addresses.text(value)
        return plain(value)
    if isinstance(value, msgspec.Struct):
        return clean(
            " ".join(str(_fact(field, getattr(value, field))) for field in value.__struct_fields__), TEXT_LIMIT
        )
    if isinstance(value, tuple | list):
        return [_item(name, one) for one in value[:ITEMS_LIMIT]]
    return plain(value)


def _item(name: str, value: Any) -> Any:
    """One item of a list of values; an item that is itself a list becomes one text."""
    if isinstance(value, tuple | list):
        return clean(" ".join(str(_fact(name, one)) for one in value[:ITEMS_LIMIT]), TEXT_LIMIT)
    return _fact(name, value)
