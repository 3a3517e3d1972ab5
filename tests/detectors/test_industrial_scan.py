"""Scans of controllers over Modbus and IEC 104: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.iec104 import Iec104Refusal
from sensor.dissectors.modbus import ModbusException, ModbusRequest
from tests.detectors.stories import SECOND, START, detector, inspected, one

SCAN = "discovery.industrial_scan"
CLIENT, GATEWAY = "10.0.0.66", "10.0.0.20"


def packet(at: float, *, answer: bool = False) -> Packet:
    src, dst = (GATEWAY, CLIENT) if answer else (CLIENT, GATEWAY)
    ports = (502, 50000) if answer else (50000, 502)
    return Packet(ts=START + int(at * SECOND), src=parse(src), dst=parse(dst), sport=ports[0], dport=ports[1], proto=6)


def requested(at: float, unit: int, function: int = 3) -> Event:
    return ModbusRequest(packet(at), unit, function, 0, 1, False)


def refused(at: float, unit: int, code: int, function: int = 3) -> Event:
    return ModbusException(packet(at, answer=True), unit, function, code)


def test_units_are_searched() -> None:
    """A search for units raises an alert: by exceptions of the gateway, or by their number if it is silent."""

    def search(units: int) -> Iterator[Event]:
        for unit in range(1, units):
            yield requested(unit / 10, unit)
            yield refused(unit / 10, unit, 11)

    alert = one(inspected(detector(SCAN), search(20)))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(GATEWAY))
    assert (alert.numbers["missing"], alert.techniques[0].technique) == (12, "T0846")
    silent = one(inspected(detector(SCAN), [requested(unit / 10, unit) for unit in range(1, 248)]))
    assert silent.numbers["units"] == 64


def test_functions_are_tried() -> None:
    """A client that tries functions in turn raises an alert."""
    story = [each for n in range(1, 30) for each in (requested(n, 1, n), refused(n, 1, 1, n))]
    assert one(inspected(detector(SCAN), story)).numbers["functions"] == 5


def unknown(at: float, cause: int, *, station: int = 1, number: int = 0) -> Event:
    return Iec104Refusal(packet(at, answer=True), station, 100, number, cause)


def test_stations_and_objects_are_tried() -> None:
    """The other side refuses stations and objects that it does not know."""
    stations = one(inspected(detector(SCAN), [unknown(n, 46, station=n) for n in range(1, 30)]))
    assert (stations.actor.address, stations.numbers["missing"]) == (parse(CLIENT), 12)
    objects = one(inspected(detector(SCAN), [unknown(n / 10, 47, number=n) for n in range(100)]))
    assert (objects.numbers["objects"], objects.target and objects.target.address) == (32, parse(GATEWAY))


def test_what_a_plant_does() -> None:
    """A full serial line with a dead unit, a register that does not exist, a single unknown function, and a control
    centre whose list contains a few objects that were removed, raise no alert.
    """
    removed = [unknown(n, 47, number=n % 5) for n in range(500)]
    assert inspected(detector(SCAN), removed) == inspected(detector(SCAN), [unknown(n, 46) for n in range(99)]) == []
    polled = [each for n in range(300) for each in (requested(n, n % 32 + 1), refused(n, 7, 11))]
    odd = [each for n in range(100) for each in (refused(n, 1, 2), refused(n, 1, 1, 43))]
    assert inspected(detector(SCAN), polled) == inspected(detector(SCAN), odd) == []


def test_repetition_is_one_finding() -> None:
    """A scan that runs for an hour is one alert, and a management host's is low."""
    story = [requested(n, n % 247) for n in range(3600)]
    assert one(inspected(detector(SCAN), story))
    assert one(inspected(detector(SCAN, managers=(CLIENT,)), story)).severity.name == "low"
