"""TP-Link smart home protocol (Kasa plugs, switches and lamps): JSON on port 9999, obfuscated by a running XOR whose
first key is always 171.

Reads how a device describes itself and the commands it receives. Coordinates, account names and passwords in the
objects are not stored. The variant over TCP, with a length before each message, is not read.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, is_own, mac_of
from sensor.dissectors.shared.json_values import SIZE_LIMIT, Object, inner, read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORT = 9999
FIRST_KEY = b"\xab"
OPENINGS = (b'{"', b"{ ", b"{}")
HIDDEN_SYSTEM = b"\xd0\xf2\x81\xf8"  # {"sy
ORDERS_LIMIT = 8


class KasaRequest(Event):
    """A query or command: ``orders`` as module and method (``system.get_sysinfo``, ``system.set_relay_state``)."""

    orders: tuple[str, ...]


class KasaAnswer(Event):
    """A response of a device; model, firmware and MAC only if its identity was requested. ``own``: it is about the
    sender.
    """

    orders: tuple[str, ...]
    model: str
    firmware: str
    mac: int
    own: bool


class Kasa(Discovery):
    """Apps poll every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=(HIDDEN_SYSTEM,), repeats_s=60)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) > SIZE_LIMIT or not (plain := shown(data[:2])).startswith(OPENINGS):
            return []
        plain = shown(data)
        parsed = read_object(plain, packet.truncated)
        orders = tuple(
            f"{module}.{method}"[:64]
            for module, methods in parsed.items()
            if isinstance(methods, dict)
            for method in methods
        )[:ORDERS_LIMIT]
        if not orders or not all(order.isprintable() for order in orders):
            return []
        answers = [
            answer
            for methods in parsed.values()
            if isinstance(methods, dict)
            for answer in methods.values()
            if isinstance(answer, dict)
        ]
        info = inner(parsed, "system", "get_sysinfo")
        if not info and not any("err_code" in answer for answer in answers):
            return [KasaRequest(packet, orders)]
        return _answer(packet, orders, info)


def shown(data: bytes) -> bytes:
    """The decoded bytes: each was combined with the preceding encoded one."""
    keys = FIRST_KEY + data[:-1]
    return (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")).to_bytes(len(data), "big")


def _answer(packet: Packet, orders: tuple[str, ...], info: Object) -> list[Parsed]:
    model = text(info, "model")
    firmware = text(info, "sw_ver")
    mac = mac_of(text(info, "mac", "mic_mac", "ethernet_mac"))
    own = bool(info) and is_own(packet, mac)
    event = KasaAnswer(packet, orders, model, firmware, mac, own)
    if not own:
        return [event]
    pairs = (
        ("kasa.kind", text(info, "type", "mic_type")),
        ("kasa.model", model),
        ("kasa.firmware", firmware),
        ("kasa.instance", text(info, "alias")),
    )
    return [event, *facts(packet, pairs)]
