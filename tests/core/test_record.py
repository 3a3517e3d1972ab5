"""Records: their content for devices, alerts and the sensor; their ids; their size; and their schema."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

import sensor.eventlog
from sensor.core.addresses import parse, parse_mac
from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.community_id import community_id
from sensor.core.device import TYPES, Attribute, Device, DeviceChange, FieldChange
from sensor.core.event import Event
from sensor.core.flow import Change, Flow, Reason
from sensor.core.incident import Chapter, Incident
from sensor.core.observation import Evidence, Subject
from sensor.core.packet import Packet
from sensor.core.proofs import proof_body
from sensor.core.recommendation import Recommendation
from sensor.core.record import SIZE_LIMIT, Record, RecordMaker, encode, mute_command
from tests.golden import Golden

TS = 1_795_511_647_318_442_123
MAC = parse_mac("00:17:c8:1a:2b:3c")
HERE, THERE = parse("10.20.30.41"), parse("10.20.1.5")
SCHEMA = json.loads((Path(sensor.eventlog.__file__).parent / "schema.json").read_text(encoding="utf-8"))
CAPTURE = {
    "source": "office.pcapng", "packets": 12, "bytes": 900, "wire_bytes": 990, "decoded": 11, "malformed": 1,
    "truncated": 2, "dropped": 0,
    "selected": 4, "repeats": 0, "shed": 0, "flows": 3, "flows_evicted": 0, "duration_s": 1.25,
    "linktypes": {"ethernet": 12}, "devices": 1, "pending": 0,
    "evicted": {"flows": 2}, "anomalies": {"network_length": 1}, "damages": [(
        "office.pcapng: at byte 900: ends within a "
        "record"
    )],
    "faults": ["dns: IndexError in dns.py:7, 2 times"],
}  # fmt: skip


class MadeTreeConnect(Event):
    share: str


def maker() -> RecordMaker:
    return RecordMaker("hq-3f-01", "HQ", "0.1.0")


def printer(**more: Any) -> Device:
    """A printer with one name, one address and evidence for its type and model."""
    claims = [
        Evidence(name, value, 0.9, "mdns.ipp", "mdns", "mdns.txt.ty", "Kyocera", TS, TS, 2)
        for name, value in (("type", "printer"), ("model", "M3655idn"))
    ]
    attributes = {claim.attribute: Attribute(claim.attribute, claim.value, 0.85, (claim,)) for claim in claims}
    facts = {"macs": (MAC,), "addresses": {HERE: TS}, "names": {"PRN-3F-EAST": TS}, "vlan": 30}
    return Device(id="dev-5k2m8q", key="mac:0017c81a2b3c", first=TS, last=TS, attributes=attributes, **(facts | more))


def change(
    action: str = "identified", device: Device | None = None, *fields: FieldChange, note: str = ""
) -> DeviceChange:
    device = device or printer()
    return DeviceChange(
        TS, action, device, fields, tuple(claim for one in device.attributes.values() for claim in one.evidence), note
    )


def alert(**more: Any) -> Alert:
    packet = Packet(ts=TS, src=HERE, dst=THERE, src_mac=MAC, sport=49712, dport=445, proto=6, vlan=30)
    facts = {
        "ts": TS, "detector": "lateral_movement.remote_service", "title": (
            "Service created on a remote "
            "machine"
        ), "severity": Severity.high, "confidence": 0.93,
        "techniques": (TECHNIQUES["T1021.002"],), "actor": Subject(MAC, HERE, 30), "summary": (
            "printer opened ADMIN$ on "
            "FS01"
        ),
        "why": ("printers are not SMB clients",), "numbers": {"hosts": 3, "threshold": 1}, "advice": "Look at it.",
        "false_positives": "None known.",
        "key": "lateral_movement.remote_service|1", "target": Subject(0, THERE, 30),
        "targets": (Subject(0, THERE, 30), Subject(0, THERE + 1, 30)),
        "actor_port": 49712, "target_port": 445, "network": {"proto": "tcp", "app": "smb", "vlan": 30},
        "proof": (MadeTreeConnect(packet, "ADMIN$"),),
    }  # fmt: skip
    return Alert(**(facts | more))


def recommendation(**more: Any) -> Recommendation:
    """A camera that accepts Telnet."""
    one = alert()
    facts = {
        "key": "dev-5k2m8q|telnet", "setting": "telnet", "title": "Telnet in use", "severity": Severity.medium,
        "summary": "printer offers Telnet",
        "why": "It hides nothing.", "seen": "it greeted with 'login:'", "fix": "Switch it off.",
        "test": "The port is closed.", "subject": one.actor,
        "proof": (proof_body(one.proof[0]),), "first": TS, "ts": TS + 5, "port": 23, "other": one.target,
        "other_port": 40000, "app": "telnet",
        "maker": "Kyocera", "steps": "Network Settings", "count": 3,
    }  # fmt: skip
    return Recommendation(**(facts | more))


def incident() -> Incident:
    """An incident with two chapters, and a third that was omitted."""
    one = alert()
    story = [
        Chapter(
            TS + n, f"alert-00000{n}", one.detector, one.title, one.severity, one.summary, one.techniques, one.actor
        )
        for n in range(2)
    ]
    return Incident(
        "dev-5k2m8q#1",
        TS,
        TS + 1,
        Severity.high,
        86,
        [one.actor],
        dict.fromkeys(one.targets),
        story,
        "printer did two things",
        1,
    )


def flow() -> Flow:
    return Flow(
        TS, TS - 5, 7, HERE, THERE, MAC, 0, 49712, 445, 6, 30, 0, Change.REFUSED, Reason.NONE, False, 1, 1, 60, 54
    )


def body(record: Record) -> dict[str, Any]:
    return json.loads(encode(record))


def numbered(record: Record) -> dict[str, Any]:
    """The record as the writer adds it to the log."""
    made = body(record)
    made["sensor"]["seq"] = 1
    return made


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


EVERY = {
    **{
        action: lambda m, action=action: m.device(change(action, None, FieldChange("type", "unknown", "printer")))
        for action in ("new", "identified", "changed", "back")
    },
    "address_changed": lambda m: m.device(change("address_changed", None, FieldChange("ips", "", "10.20.30.41"))),
    "merged": lambda m: m.device(change("merged", note="dev-0c3v1z is the same device: same DHCP client id")),
    "split": lambda m: m.device(change("split", note="9 addresses behind one MAC: a router")),
    "gone": lambda m: m.device(DeviceChange(TS, "gone", Device(id="dev-1", key="ip:1", first=TS, last=TS))),
    "open": lambda m: m.alert("open", alert(), printer(), [None, None]),
    "update": lambda m: m.alert("update", alert(proof=(flow(),), target=None, targets=()), None, []),
    "close": lambda m: m.alert("close", alert(), None, [], at=TS + 5, closed={"by": "anna", "reason": "dealt with"}),
    "muted": lambda m: m.alert("open", alert(), None, [], muted={"id": "m1", "author": "anna",
    "reason": "our scanner"}),
    "packets": lambda m: m.alert("open", alert(terms={"device_type": 5}), None, [],
    packets={"file": "evidence/alert-5k2m8q.pcapng", "frames": 4}),
    "incident": lambda m: m.incident("open", incident(), {alert().actor: printer()}.get),
    "incident closed": lambda m: m.incident("close", incident(), {}.get, TS + 7),
    "recommendation": lambda m: m.recommendation("open", recommendation(), TS + 60, {alert().actor: printer()}.get),
    "recommendation alone": lambda m: m.recommendation("open",
    recommendation(other=None, port=0, other_port=0, maker="", steps=""), TS, {}.get),
    "recommendation closed": lambda m: m.recommendation("close", recommendation(), TS + 7, {}.get,
    "later traffic shows it"),
    "started": lambda m: m.sensor("started", TS, "capturing on eth0", source="eth0", rings=2),
    "stopped": lambda m: m.sensor("stopped", TS, "stopped after 12 packets"),
    "health": lambda m: m.sensor("health", TS, "packets were dropped", "medium", lost=5, shares=[0.5, 0.25]),
    "config": lambda m: m.sensor("config", TS, "3 threat lists read", lists={"bad.txt": 7}),
    "summary": lambda m: m.sensor("summary", TS, "12 packets", capture=CAPTURE),
}  # fmt: skip


@pytest.mark.parametrize("action", EVERY)
def test_every_record_keeps_the_schema(action: str) -> None:
    """Records of every kind and action match the schema, with all optional fields and with none."""
    validator().validate(numbered(EVERY[action](maker())))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("ts",), "2026-11-24T09:14:07Z"), (("severity",), "urgent"), (("action",), "found"), (("kind",), "thing"),
        (("id",), "01M86"), (("more",), 1),
        (("device", "type"), "toaster"), (("device", "macs"), ["00:17:C8:1A:2B:3C"]), (("device", "id"), "5k2m8q"),
        (("device", "colour"), "red"),
        (("sensor", "seq"), 0), (("evidence", 0, "confidence"), 1.5), (("msg",), "two\nlines"), (("alert",), {}),
    ],
)  # fmt: skip
def test_schema_is_strict(path: tuple[str | int, ...], value: object) -> None:
    """Undocumented keys, values, formats and ranges are rejected."""
    record = numbered(maker().device(change()))
    validator().validate(record)
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not validator().is_valid(record)


def test_schema_knows_every_type() -> None:
    """The list of device types equals that of the vocabulary."""
    assert SCHEMA["$defs"]["type"]["enum"] == list(TYPES)


def test_a_device_record_in_full(golden: Golden) -> None:
    """Known values have their documented names, unknown ones are absent, and the envelope comes first."""
    record = body(maker().device(change("identified", None, FieldChange("type", "unknown", "printer"))))
    assert list(record)[:8] == ["ts", "kind", "action", "severity", "msg", "id", "schema", "sensor"]
    assert record["ts"] == "2026-11-24T09:14:07.318442Z"
    golden(record["msg"])
    assert record["sensor"] == {"id": "hq-3f-01", "site": "HQ", "version": "0.1.0"}
    assert record["device"] == {
        "id": "dev-5k2m8q", "macs": ["00:17:c8:1a:2b:3c"], "ips": ["10.20.30.41"], "vlan": 30,
        "hostname": "PRN-3F-EAST", "type": "printer",
        "model": "M3655idn", "confidence": 0.85, "confidences": {"type": 0.85, "model": 0.85}, "randomised_mac": False,
        "first_seen": "2026-11-24T09:14:07.318442Z", "last_seen": "2026-11-24T09:14:07.318442Z",
    }  # fmt: skip
    assert record["changes"] == [{"field": "type", "old": "unknown", "new": "printer"}]
    assert record["evidence"][0] == {
        "attribute": "type", "value": "printer", "observation": "mdns.txt.ty", "seen": "Kyocera",
        "fingerprint": "mdns.ipp", "family": "mdns",
        "confidence": 0.9, "count": 2, "first": "2026-11-24T09:14:07.318442Z", "last": "2026-11-24T09:14:07.318442Z",
    }  # fmt: skip


def test_an_alert_record_in_full(golden: Golden) -> None:
    """Actor, target, reason, numbers, technique, flow, and the message that proves it."""
    record = body(maker().alert("open", alert(), printer(), [None, None]))
    assert (record["kind"], record["action"], record["severity"]) == ("alert", "open", "high")
    golden(record["msg"])
    reported = record["alert"]
    assert (reported["detector"], reported["count"], reported["numbers"]) == (
        "lateral_movement.remote_service",
        1,
        {"hosts": 3, "threshold": 1},
    )
    assert reported["attack"] == [
        {"tactic": "lateral-movement", "technique": "T1021.002", "name": "SMB/Windows Admin Shares"}
    ]
    assert record["src"] == {
        "ip": "10.20.30.41", "port": 49712, "mac": "00:17:c8:1a:2b:3c", "device": "dev-5k2m8q",
        "hostname": "PRN-3F-EAST", "type": "printer"
    }  # fmt: skip
    assert record["dst"] == {"ip": "10.20.1.5", "port": 445}
    assert record["targets"] == [{"ip": "10.20.1.5"}, {"ip": "10.20.1.6"}]
    network = {
        "proto": "tcp",
        "app": "smb",
        "vlan": 30,
        "direction": "internal",
        "community_id": community_id(HERE, THERE, 6, 49712, 445),
    }
    assert record["network"] == network
    assert record["evidence"][0]["facts"] == {"share": "ADMIN$"}


@pytest.mark.parametrize(
    ("action", "note"),
    [
        ("new", ""),
        ("gone", ""),
        ("back", ""),
        ("split", "a router"),
        ("address_changed", ""),
    ],
)
def test_sentences(golden: Golden, action: str, note: str) -> None:
    """Each action has its message text."""
    fields = (FieldChange("ips", "", "10.20.30.41"),) if action == "address_changed" else ()
    golden(maker().device(change(action, None, *fields, note=note)).msg)


def test_ids_are_the_same_for_the_same_packets() -> None:
    """Two replays give the same ids; another sensor, time or content gives another id; ids sort by time."""
    first, again = maker().device(change()), maker().device(change())
    assert first.id == again.id
    assert first.id != RecordMaker("other", "HQ", "0.1.0").device(change()).id
    assert first.id != maker().device(change("new")).id
    later = maker().device(msgspec.structs.replace(change(), ts=TS + 1_000_000))
    assert later.id > first.id
    assert later.id[:10] > first.id[:10]


def test_repeats_of_one_run_have_their_own_ids() -> None:
    """Receivers drop repeated ids, so equal records of the same time differ in their id, the same way in every run."""
    one, two = maker(), maker()
    ids = [one.device(change()).id for _ in range(3)]
    assert len(set(ids)) == 3
    assert ids == [two.device(change()).id for _ in range(3)]


def test_an_alert_keeps_its_name() -> None:
    """An update has the id of the alert that was opened; the next alert of the same key has another."""
    made = maker()
    opened, update = (made.alert(action, alert(), None, [None, None]) for action in ("open", "update"))
    again = made.alert("open", alert(ts=TS + 10**13, first=TS + 10**13), None, [None, None])
    assert opened.alert["id"] == update.alert["id"] != again.alert["id"]
    assert opened.id != update.id


def test_a_record_is_at_most_64_kib() -> None:
    """A device with hundreds of long claims stays within the limit, with space for the writer's fields, and names what
    was truncated.
    """
    claims = tuple(Evidence("type", "printer", 0.5, "f", "mdns", "mdns.txt", "ä" * 500, TS, TS) for _ in range(300))
    record = maker().device(
        DeviceChange(TS, "changed", printer(names={f"{number}-{'é' * 250}": TS for number in range(64)}), (), claims)
    )
    assert len(encode(record)) <= SIZE_LIMIT - 100
    assert record.cut == ["evidence"]
    assert record.device["id"] == "dev-5k2m8q"
    validator().validate(numbered(record))


def test_what_peers_reported_is_harmless() -> None:
    """Control characters, line ends and direction marks of a hostile name are in no field, and the
    record is one line.
    """
    record = maker().device(change("new", printer(names={"a\x1b[31m\n\u202eb" + "x" * 5000: TS})))
    line = encode(record)
    assert not any(sign in line.decode() for sign in "\x1b\n\u202e")
    assert len(record.msg) <= 512
    validator().validate(numbered(record))


def test_summary_keeps_zeros() -> None:
    """Zero drops are shown, since an absent value would mean unknown."""
    assert body(maker().sensor("summary", TS, "12 packets", capture=CAPTURE))["capture"] == CAPTURE


# corelight/community-id-spec: protocol, addresses, ports, Community ID.
PUBLISHED = [
    (6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
    (1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (1, "192.168.0.89", "192.168.0.1", 20, 0, "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="),
    (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    (
        58,
        "3ffe:507:0:1:260:97ff:fe07:69ea",
        "3ffe:507:0:1:200:86ff:fe05:80da",
        3,
        0,
        "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=",
    ),
    (46, "10.1.24.4", "10.1.12.1", 0, 0, "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="),
]


@pytest.mark.parametrize(("proto", "client", "server", "client_port", "server_port", "expected"), PUBLISHED)
def test_community_ids_of_the_published_examples(
    proto: int, client: str, server: str, client_port: int, server_port: int, expected: str
) -> None:
    """The examples of corelight/community-id-spec, both directions, ICMP with and without a response."""
    assert community_id(parse(client), parse(server), proto, client_port, server_port) == expected


def test_alerts_are_stamped_with_what_was_lost_meanwhile() -> None:
    """In a live run each alert has the share of lost packets; the share of shed messages only if there were any."""
    live = maker()
    assert "capture" not in body(live.alert("open", alert()))
    live.loss = 0.0
    assert body(live.alert("open", alert()))["capture"] == {"loss": 0.0}
    live.loss, live.shed = 0.25, 0.5
    assert body(live.alert("open", alert()))["capture"] == {"loss": 0.25, "shed": 0.5}


@pytest.mark.parametrize(
    ("more", "ends"),
    [
        ({}, "--src 10.20.30.41"),  # two targets
        ({"targets": (Subject(0, THERE, 30),)}, "--src 10.20.30.41 --dst 10.20.1.5"),
        ({"actor": Subject(MAC, 0, 30), "targets": ()}, "--src 00:17:c8:1a:2b:3c"),
    ],
)
def test_the_command_that_mutes_an_alert(more: dict[str, Any], ends: str) -> None:
    """It names the actor, and the target if there is only one."""
    command = f"sensor mute add --detector lateral_movement.remote_service {ends} --for 7d"
    assert mute_command(alert(**more)) == command
