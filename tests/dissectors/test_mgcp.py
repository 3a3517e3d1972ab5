"""MGCP: gateways and call agents, endpoints and hosts, several messages in a datagram."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mgcp import Mgcp
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(
        Mgcp().dissect(Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, sport=2427, dport=2727, **fields))
    )


def test_restart_names_the_gateway() -> None:
    """A gateway that restarts reports its endpoints, host and profile."""
    parsed = list(Mgcp().dissect(packets("mgcp")[0]))
    host = "mta-02005e005302.cable.example"
    assert events(parsed) == [("MgcpRestart", "RSIP", 1201, f"*@{host}", "1.0", "NCS 1.0", "restart")]
    sender = ("02:00:5e:00:53:02", "10.20.30.12")
    assert facts(parsed) == [
        (*sender, "mgcp.endpoint", f"*@{host}"),
        (*sender, "mgcp.hostname", host),
        (*sender, "mgcp.profile", "NCS 1.0"),
    ]


def test_call_agent_is_known_by_its_commands() -> None:
    """The endpoints in a call agent's commands are not its own; a datagram may contain several messages."""
    parsed = list(Mgcp().dissect(packets("mgcp")[2]))
    assert [event[:3] for event in events(parsed)] == [("MgcpCommand", "RQNT", 1202), ("MgcpCommand", "AUEP", 1203)]
    assert set(values(parsed)) == {("mgcp.role", "call agent")}


def test_audit_lists_endpoints() -> None:
    """Only a response that lists endpoints reports them as the sender's."""
    parsed = list(Mgcp().dissect(packets("mgcp")[3]))
    names = tuple(f"aaln/{n}@mta-02005e005302.cable.example" for n in (1, 2))
    assert events(parsed) == [("MgcpResponse", 200, 1202, "OK", ()), ("MgcpResponse", 200, 1203, "OK", names)]
    assert values(parsed) == [("mgcp.endpoint", names[0]), ("mgcp.hostname", "mta-02005e005302.cable.example")]
    assert values(dissect(b"510 7 no\r\n")) == []


def test_addresses_are_no_names() -> None:
    """An address after the @ is not a host name."""
    assert values(dissect(b"NTFY 1 aaln/1@[10.0.0.5] MGCP 1.0\r\n")) == [("mgcp.endpoint", "aaln/1@[10.0.0.5]")]
    assert values(dissect(b"NTFY 1 aaln/1@10.0.0.5 MGCP 1.0\r\n")) == [("mgcp.endpoint", "aaln/1@10.0.0.5")]
    assert values(dissect(b"NTFY 1 aaln/1 MGCP 1.0\n")) == [("mgcp.endpoint", "aaln/1")]


def test_deletion_reports_nothing_of_its_sender() -> None:
    """DLCX yields no observation: both sides may delete a connection."""
    assert values(dissect(b"DLCX 9 aaln/1@gw MGCP 1.0\r\n")) == []


def test_lines_may_end_with_a_carriage_return() -> None:
    """Lines that end with a carriage return only are accepted."""
    assert events(dissect(b"RSIP 1 *@gw MGCP 1.0\rRM: Forced\r")) == [
        ("MgcpRestart", "RSIP", 1, "*@gw", "1.0", "", "forced")
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"RSIP 1 *@gw SIP/2.0\r\n",
        b"RSIP x *@gw MGCP 1.0\r\n",
        b"2000 1 OK\r\n",
        b"200 x OK\r\n",
        b"\0\1\2",
        b"200 1\n" * 200,
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other protocols, missing transaction ids and too many lines are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """A truncated last line is ignored."""
    assert events(dissect(b"RSIP 1 *@gw MGCP 1.0\r\nRM: rest", problem=1)) == [
        ("MgcpRestart", "RSIP", 1, "*@gw", "1.0", "", "")
    ]
    assert dissect(b"RSIP 1 *@g", problem=1) == []
