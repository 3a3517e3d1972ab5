"""MGCP over UDP (RFC 3435): gateways and phones under the control of a call agent.

Reads commands, responses and the endpoints they name; several messages may share a datagram, separated by a line with a
single dot (3.5.5). Ignores session descriptions and signals. Restarts and notifications are sent by gateways only, the
commands that create, audit and request by call agents only (2.3), and facts are about the sender of each. A response
names the sender's endpoints only if it lists them (2.3.10).
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.sender_facts import fact

GATEWAY_PORT, AGENT_PORT = 2427, 2727
VERSION = b"MGCP"
FROM_GATEWAYS = (b"RSIP", b"NTFY")
FROM_AGENTS = (b"CRCX", b"MDCX", b"RQNT", b"AUEP", b"AUCX", b"EPCF")
VERBS = (*FROM_GATEWAYS, *FROM_AGENTS, b"DLCX", b"MESG")
MESSAGES_LIMIT = 8
LINES_LIMIT = 128
LINE_LIMIT = 2048
ENDPOINTS_LIMIT = 32


class MgcpCommand(Event):
    """``endpoint``: subject or sender (``aaln/1@gw.example``); ``profile``: text after the version (``NCS 1.0`` on
    cable networks).
    """

    verb: str
    transaction: int
    endpoint: str
    version: str
    profile: str


class MgcpRestart(MgcpCommand):
    """A gateway takes endpoints into service or out of it. ``method``: restart, graceful, forced, disconnected and so
    on.
    """

    method: str


class MgcpResponse(Event):
    """``code``: 200 success, 4xx transient errors, 5xx permanent errors; ``endpoints``: those in an audit."""

    code: int
    transaction: int
    comment: str
    endpoints: tuple[str, ...]


class Mgcp(Dissector):
    """Both well-known ports. Retransmissions are dropped for some seconds."""

    interest = Interest(udp=(GATEWAY_PORT, AGENT_PORT), starts=tuple(verb + b" " for verb in VERBS), repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        cut = packet.truncated
        lines = packet.payload.splitlines()  # some use only a carriage return as line end
        if len(lines) > LINES_LIMIT or max(map(len, lines), default=0) > LINE_LIMIT:
            raise Malformed("too many lines or too long ones")
        if cut and lines:
            lines.pop()  # the last line may be truncated
        messages: list[list[bytes]] = [[]]
        for line in lines:
            line = line.strip()
            if line == b".":
                messages.append([])
            else:
                messages[-1].append(line)
        parsed: list[Parsed] = []
        for message in messages[:MESSAGES_LIMIT]:
            if message and message[0]:
                parsed += _read(packet, message)
        return iter(parsed)


def _read(packet: Packet, lines: list[bytes]) -> list[Parsed]:
    first, _, rest = lines[0].partition(b" ")
    if first.isdigit():
        return _response(packet, first, rest, lines)
    return _command(packet, first.upper(), rest, lines)


def _command(packet: Packet, verb: bytes, rest: bytes, lines: list[bytes]) -> list[Parsed]:
    words = rest.split(None, 4)
    if verb not in VERBS or len(words) < 4 or words[2].upper() != VERSION:
        raise Malformed("no command line")
    transaction, endpoint = _number(words[0], 9), clean(words[1])
    profile = clean(words[4]) if len(words) > 4 else ""
    fields = (verb.decode("ascii"), transaction, endpoint, clean(words[3]), profile)
    if verb == b"RSIP":
        parsed: list[Parsed] = [MgcpRestart(packet, *fields, clean(_parameters(lines).get(b"RM", b"")).lower())]
    else:
        parsed = [MgcpCommand(packet, *fields)]
    if verb in FROM_GATEWAYS:
        parsed += _gateway(packet, endpoint)
        if profile:
            parsed.append(fact(packet, "mgcp.profile", profile))
    elif verb in FROM_AGENTS:
        parsed.append(fact(packet, "mgcp.role", "call agent"))
    return parsed


def _response(packet: Packet, code: bytes, rest: bytes, lines: list[bytes]) -> list[Parsed]:
    number, _, comment = rest.partition(b" ")
    if len(code) != 3 or not number.isdigit():
        raise Malformed("no response line")
    listed = [line[2:].strip() for line in lines[1:] if line[:2].upper() == b"Z:"][:ENDPOINTS_LIMIT]
    endpoints = tuple(filter(None, map(clean, b",".join(listed).split(b",")[:ENDPOINTS_LIMIT])))
    parsed: list[Parsed] = [MgcpResponse(packet, int(code), _number(number, 9), clean(comment), endpoints)]
    if endpoints:
        parsed += _gateway(packet, endpoints[0])
    return parsed


def _gateway(packet: Packet, endpoint: str) -> list[Parsed]:
    """The endpoint, and its host (RFC 3435, 2.1.2); an address in brackets is no name."""
    parsed = [fact(packet, "mgcp.endpoint", endpoint)]
    host = endpoint.rpartition("@")[2].partition(":")[0]
    if "@" in endpoint and host[:1] not in ("", "[", "*", "#", "$") and not host.replace(".", "").isdigit():
        parsed.append(fact(packet, "mgcp.hostname", host))
    return [one for one in parsed if one.value]


def _parameters(lines: list[bytes]) -> dict[bytes, bytes]:
    """Parameter lines up to the session description, by name in capital letters."""
    found: dict[bytes, bytes] = {}
    for line in lines[1:]:
        if not line:
            break
        name, _, value = line.partition(b":")
        found.setdefault(name.strip().upper(), value.strip())
    return found


def _number(raw: bytes, digits: int) -> int:
    """A transaction id: 1 to 999,999,999 (RFC 3435, 3.2.1.2)."""
    if not raw.isdigit() or len(raw) > digits:
        raise Malformed("no transaction id")
    return int(raw)
