"""Devices that describe themselves in JSON over HTTP."""

from __future__ import annotations

import json

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.http import Http
from sensor.dissectors.shared.http_body import JSON_LIMIT
from tests.dissectors.samples import events, values

CAST = {"device_info": {"manufacturer": "Google Inc.", "model_name": "Chromecast"}, "name": "TV", "version": 8}
SAMSUNG = {
    "device": {"type": "Samsung SmartTV", "modelName": "UE55TU8000", "name": "[TV] Samsung"},
    "version": "2.0.25",
}
HUE = {"name": "Philips hue", "swversion": "1963171020", "bridgeid": "001788FFFE123456", "modelid": "BSB002"}
SHELLY = {"name": "Heater", "id": "shellyplus1pm-a8032a123457", "model": "SNSW-001P16EU", "fw_id": "x", "ver": "1.0.8"}
OLD_SHELLY = {"type": "SHPLG-S", "mac": "8CAAB5123456", "fw": "20230913-112316/v1.14.0-gcb84623"}
CASES = {
    "cast": (CAST, ("Google Inc.", "Chromecast", "", "TV")),
    "samsung": (SAMSUNG, ("Samsung", "UE55TU8000", "", "[TV] Samsung", "true")),
    "hue": (HUE, ("Philips Hue", "BSB002", "1963171020", "Philips hue")),
    "shelly": (SHELLY, ("Shelly", "SNSW-001P16EU", "1.0.8", "Heater")),
    "shelly, first generation": (OLD_SHELLY, ("Shelly", "SHPLG-S", "1.14.0")),
}
KINDS = tuple(f"http.{word}" for word in ("device_vendor", "device_model", "device_firmware", "device_name", "is_tv"))


def described(body: bytes, kind: str = "application/json", more: str = "") -> list[tuple[str, str]]:
    """The observations about a server that sends this body."""
    stream, packet = Http().stream(Packet()), Packet(proto=6, ttl=64)
    list(stream.feed(packet, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", True))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
    return [each for each in values(stream.feed(packet, head + body, False)) if each[0] in KINDS]


@pytest.mark.parametrize("name", CASES)
def test_a_device_describes_itself(name: str) -> None:
    """Vendor, model, firmware and name, as far as the device sends them."""
    value, expected = CASES[name]
    assert described(json.dumps(value, separators=(",", ":")).encode()) == [
        pair for pair in zip(KINDS, expected, strict=False) if pair[1]
    ]


def test_the_event_names_the_format() -> None:
    """Records show it, too."""
    stream, packet = Http().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", True))
    body = json.dumps(HUE).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert events(stream.feed(packet, head + body, False))[1][:2] == ("HttpDescription", "hue")


@pytest.mark.parametrize(
    "value",
    [
        {"model_name": "gpt"},
        {"device_info": [{"model_name": "x"}]},
        {"device": {"type": "Samsung ", "modelName": 5.0}, "model_name": None},
        {"name": "deCONZ", "bridgeid": "1", "modelid": "deCONZ"},
        {"type": "login", "fw": "x"},
        {"fw_id": "x", "model": "router"},
    ],
)
def test_other_objects_describe_nothing(value: object) -> None:
    """Interfaces of applications have similar members; programs that imitate a bridge name themselves."""
    assert described(json.dumps(value, separators=(",", ":")).encode()) == []


@pytest.mark.parametrize(
    ("body", "kind", "more"),
    [
        (json.dumps({**HUE, "x": "y" * JSON_LIMIT}).encode(), "application/json", ""),
        (json.dumps(HUE).encode()[:-1], "application/json", ""),
        (json.dumps(HUE).encode(), "application/vnd.api+json", ""),
        (json.dumps(HUE).encode(), "application/json", "Via: 1.1 proxy\r\n"),
    ],
)
def test_what_is_not_read(body: bytes, kind: str, more: str) -> None:
    """Long bodies, invalid JSON and other types; what a proxy forwards is not about it."""
    assert described(body, kind, more) == []
