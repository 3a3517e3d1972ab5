"""Builders of RPC calls between Windows hosts."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors._rpc_interfaces import INTERFACES
from sensor.dissectors.shared.rpc_events import RpcAnswer, RpcCall
from tests.detectors.stories import START

CLIENT, SERVER = "10.0.0.66", "10.0.0.5"


def packet(at: float = 0, *, answer: bool = False, src: str = CLIENT, dst: str = SERVER, problem: int = 0) -> Packet:
    one, other = (dst, src) if answer else (src, dst)
    ports = (445, 50000) if answer else (50000, 445)
    return Packet(
        ts=START + int(at * SECOND), src=parse(one), dst=parse(other), sport=ports[0], dport=ports[1], proto=6,
        problem=problem,
    )  # fmt: skip


def call(
    interface: str,
    number: int,
    *texts: str,
    at: float = 0,
    size: int = 100,
    level: int = 0,
    pipe: str = "",
    facts: tuple[tuple[str, str], ...] = (),
    src: str = CLIENT,
    dst: str = SERVER,
) -> Event:
    """An RPC call by its number, with the name from the table."""
    return RpcCall(
        packet(at, src=src, dst=dst),
        pipe,
        interface,
        INTERFACES[interface].call(number),
        number,
        level,
        size,
        texts,
        facts,
        False,
    )


def answer(interface: str, number: int, *, at: float = 0, status: int = 0, fault: bool = False) -> Event:
    """The response to a call."""
    return RpcAnswer(
        packet(at, answer=True), "", interface, INTERFACES[interface].call(number), number, fault, status, 8
    )
