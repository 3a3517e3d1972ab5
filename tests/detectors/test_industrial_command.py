"""Commands and writes to PLCs: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.bacnet import BacnetRequest
from sensor.dissectors.dnp3 import Dnp3Request
from sensor.dissectors.enip import CipRequest
from sensor.dissectors.fins import FinsRequest
from sensor.dissectors.hart_ip import HartRequest
from sensor.dissectors.iec104 import Iec104Request
from sensor.dissectors.knx import KnxRequest
from sensor.dissectors.modbus import ModbusRequest
from sensor.dissectors.opcua import OpcuaRequest
from sensor.dissectors.profinet import ProfinetRequest
from sensor.dissectors.s7comm import SimaticRequest
from sensor.dissectors.slmp import SlmpRequest
from sensor.dissectors.srtp import SrtpRequest
from tests.detectors.stories import SECOND, START, World, detector, device, inspected, one

COMMAND = "impact.industrial_command"
SERVER, OTHER, OUTSIDE, CONTROLLER = "10.0.0.10", "10.0.0.66", "203.0.113.9", "10.0.0.20"


def packet(at: float, src: str) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(src), dst=parse(CONTROLLER), proto=6, dport=502)


def modbus(at: float, src: str = SERVER, *, write: bool = False, function: int = 6) -> Event:
    return ModbusRequest(packet(at, src), 1, function, 40, 1, write)


def s7(at: float, name: str, src: str = OTHER) -> Event:
    return SimaticRequest(packet(at, src), 0x29, name, name != "read")


@pytest.mark.parametrize(
    ("event", "technique"),
    [
        (s7(0, "stop"), "T0858"),
        (s7(0, "download request"), "T0843"),
        (Dnp3Request(packet(0, OTHER), 3, 4, 13, "cold restart", True), "T0816"),
        (CipRequest(packet(0, OTHER), 7, 0x64, "stop", True), "T0858"),
        (CipRequest(packet(0, OTHER), 5, 1, "reset", True), "T0816"),
        (CipRequest(packet(0, OTHER), 0x4B, 0x67, "change mode", True), "T0858"),
        (ModbusRequest(packet(0, OTHER), 1, 8, 4, 0, True), "T0814"),
        (ModbusRequest(packet(0, OTHER), 0, 90, -1, 0, True, "stop"), "T0858"),
        (ModbusRequest(packet(0, OTHER), 0, 90, -1, 0, True, "download request"), "T0843"),
        (Iec104Request(packet(0, OTHER), 47, 105, 0, "reset process", True), "T0816"),
        (FinsRequest(packet(0, OTHER), 0x0307, "write program", True), "T0843"),
        (SrtpRequest(packet(0, OTHER), 0x23, "change mode", True), "T0858"),
        (HartRequest(packet(0, OTHER), 42, "reset", True), "T0816"),
        (SlmpRequest(packet(0, OTHER), 0x1002, "stop", True), "T0858"),
        (KnxRequest(packet(0, OTHER), "1.1.7", "program memory", True), "T0843"),
        (KnxRequest(packet(0, OTHER), "1.1.7", "restart device", True), "T0816"),
        (ProfinetRequest(packet(0, OTHER), "factory reset", ""), "T0816"),
        (ProfinetRequest(packet(0, OTHER), "set name", "press"), "T0843"),
        (BacnetRequest(packet(0, OTHER), 20, "reinitialize_device", 8, 1), "T0816"),
    ],
)
def test_commands_that_disturb_a_process(event: Event, technique: str) -> None:
    """One command raises an alert, of low severity until the usual masters are known."""
    alert = one(inspected(detector(COMMAND), [event]))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, technique)
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(OTHER), parse(CONTROLLER))


def test_a_command_of_a_host_that_never_wrote() -> None:
    """A command of a new master raises an alert after half an hour of baseline."""
    alert = one(inspected(detector(COMMAND), [*[modbus(60 * n) for n in range(30)], s7(1801, "stop")]))
    assert (alert.severity, alert.numbers["protocol"]) == (Severity.medium, "s7comm")


def test_a_host_that_never_wrote() -> None:
    """Writes of another host than the control server, which writes all day, raise an alert."""
    story = [modbus(60 * n, write=True) for n in range(30)]
    alert = one(inspected(detector(COMMAND), [*story, modbus(1801, OTHER, write=True)]))
    assert (alert.actor.address, alert.techniques[0].technique) == (parse(OTHER), "T0855")


def test_a_host_that_writes_and_does_not_read() -> None:
    """In a short capture a host that only writes, to a controller that another host polls, is of low severity."""
    polling = [modbus(n) for n in range(60)]
    alert = one(inspected(detector(COMMAND), [*polling, modbus(61, OTHER, write=True)]))
    assert (alert.actor.address, alert.severity) == (parse(OTHER), Severity.low)
    reads = [*polling, modbus(60, OTHER), modbus(61, OTHER, write=True)]
    assert inspected(detector(COMMAND), reads) == inspected(detector(COMMAND), [*polling, modbus(61, write=True)]) == []


def frame(at: float, sender: int, target: int) -> Event:
    """A Set request of PROFINET: there are no addresses, only MACs."""
    return ProfinetRequest(
        Packet(ts=START + int(at * SECOND), src_mac=sender, dst_mac=target), "set address", "10.0.0.9"
    )


def test_stations_without_addresses() -> None:
    """A controller gives addresses to its stations, all day; another host does so for the first time."""
    controller, other, station = 0x020000000001, 0x020000000002, 0x020000000003
    story = [frame(60 * n, controller, station) for n in range(30)]
    assert inspected(detector(COMMAND), [*story, *[frame(1800 + n, controller, station + n) for n in range(9)]]) == []
    alert = one(inspected(detector(COMMAND), [*story, frame(1801, other, station)]))
    assert (alert.actor.mac, alert.target and alert.target.mac, alert.severity) == (other, station, Severity.low)


def test_many_writes() -> None:
    """Writes to all coils in turn raise an alert."""
    alert = one(inspected(detector(COMMAND), [modbus(n / 50, OTHER, write=True, function=5) for n in range(300)]))
    assert (alert.numbers["requests"], alert.techniques[0].technique) == (100, "T0806")


def switched(at: float, number: int, name: str = "single command") -> Event:
    return Iec104Request(packet(at, OTHER), 47, 45, number, name, True)


def test_all_objects_of_a_substation_in_turn() -> None:
    """Breakers are switched one after the other, as malware does; a program that sets values does so all day."""
    alert = one(inspected(detector(COMMAND), [switched(n, 100 + n) for n in range(40)]))
    assert (alert.numbers["objects"], alert.severity, alert.techniques[0].technique) == (20, Severity.medium, "T0806")
    few = [switched(3 * n, 100 + n % 6) for n in range(200)]
    values = [switched(n, 100 + n, "set point") for n in range(200)]
    slow = [switched(10 * n, 100 + n) for n in range(100)]
    assert [inspected(detector(COMMAND), story) for story in (few, values, slow)] == [[], [], []]


def test_actors_that_have_no_business_there() -> None:
    """Commands of an external host and of a camera are more severe; controllers of buildings command others."""
    assert one(inspected(detector(COMMAND), [s7(0, "stop", OUTSIDE)])).severity is Severity.high
    world = World(device("camera", OTHER))
    assert one(inspected(detector(COMMAND, world), [s7(0, "stop")])).severity is Severity.high
    world = World(device("building", OTHER))
    assert one(inspected(detector(COMMAND, world), [s7(0, "stop")])).severity is Severity.low


def test_what_a_plant_does() -> None:
    """Polling, writes of the control server, a second server known from the start, identification requests, and exempt
    stations raise no alert.
    """
    for story in (
        [modbus(n, OTHER) for n in range(2000)],
        [modbus(10 * n, write=True) for n in range(500)],
        [modbus(10 * n, src, write=True) for n in range(200) for src in (SERVER, OTHER)],
        [*[modbus(60 * n) for n in range(30)], modbus(1801, OTHER, function=90)],
        [s7(n, "read") for n in range(50)],
        [CipRequest(packet(n, OTHER), 0x4C, 0, "", False) for n in range(50)],
        [OpcuaRequest(packet(n / 50, SERVER), "write", True) for n in range(900)],
        [Iec104Request(packet(4 * n, SERVER), 47, 50, 14, "set point", True) for n in range(400)],
        [FinsRequest(packet(n, SERVER), 0x0102, "write memory", True) for n in range(400)],
        [HartRequest(packet(n, SERVER), 35, "write range", True) for n in range(40)],
        [SlmpRequest(packet(n, SERVER), 0x1401, "write", True) for n in range(400)],
        [Iec104Request(packet(n, OTHER), 47, 100, 0, "interrogation", False) for n in range(50)],
    ):
        assert inspected(detector(COMMAND), story) == []
    assert inspected(detector(COMMAND, engineering=(OTHER,)), [s7(0, "stop")]) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(COMMAND), [s7(n, "stop") for n in range(30)]))
