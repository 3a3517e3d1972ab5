"""SLP: services at the sender's own address, HP attributes, and agents that announce services of other hosts."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.slp import Slp, _host
from tests.dissectors.samples import events, packets, values

HP = {
    "x-hp-ver": "01",
    "x-hp-prod_id": "CE841A",
    "x-hp-mac": "02005E005303",
    "x-hp-guid": "02005E005303",
    "x-hp-num_port": "01",
    "x-hp-ip": "010.020.030.013",
    "x-hp-hn": "NPI5E5303",
    "x-hp-p1": "MFG:Hewlett-Packard;MDL:HP LaserJet Professional M1212nf MFP;"
    "CMD:PJL,ACL,HTTP;CLS:PRINTER;DES:HP LaserJet Professional M1212nf MFP;FWVER:20110826;",
}
SHURE = {
    "cid": "DDB0C8C5-0000-11DD-A000-000EDDCCCCCC",
    "acn-fctn": "SLXD4DE_RX",
    "acn-uacn": "SLXD4DE G57",
    "acn-services": "esta.dmp",
    "csl-esta.dmp": "esta.sdt/10.20.30.12:57383;esta.dmp/cd:320CA2FC-2932-11ED-8BBF-0015C5F3F612",
    "device-description": "$:tftp://10.20.30.12/$.ddl",
    "csl-esta.dmp.values": "version:1_interfaceId:65552_extVersion:1",
}
# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a request": ([("SlpRequest", "service:printer", False)], []),
    "a server's own service": (
        [("SlpOffer", 2, ("service:VMwareInfrastructure://10.20.30.5",), True)],
        [("slp.service", "service:VMwareInfrastructure")],
    ),
    "an agent about others": (
        [
            (
                "SlpOffer",
                2,
                ("service:printer:lpr://10.20.30.13:515/raw", "service:printer:ipp://print.example:631"),
                False,
            )
        ],
        [],
    ),
    "a registration": (
        [
            ("SlpOffer", 3, ("service:printer:lpr://10.20.30.13/raw",), True),
            ("SlpAttributes", {"printer-model": "HP", "copies": "99"}, False),
        ],
        [("slp.service", "service:printer:lpr")],
    ),
    "HP's attributes, version 2": (
        [("SlpAttributes", HP, True)],
        [
            ("slp.vendor", "Hewlett-Packard"),
            ("slp.model", "HP LaserJet Professional M1212nf MFP"),
            ("slp.firmware", "20110826"),
            ("slp.hostname", "NPI5E5303"),
        ],
    ),
    "HP's attributes, version 1": (
        [("SlpAttributes", HP, True)],
        [
            ("slp.vendor", "Hewlett-Packard"),
            ("slp.model", "HP LaserJet Professional M1212nf MFP"),
            ("slp.firmware", "20110826"),
            ("slp.hostname", "NPI5E5303"),
        ],
    ),
    "somebody else with HP's attributes": ([("SlpAttributes", HP, False)], []),
    "a directory agent": (
        [("SlpOffer", 8, ("service:directory-agent://10.20.30.5",), True)],
        [("slp.service", "service:directory-agent")],
    ),
    "a question for types": ([("SlpMessage", 2, 9)], []),
    "an ACN component": (
        [("SlpAttributes", SHURE, True)],
        [("slp.function", "SLXD4DE_RX"), ("slp.device_name", "SLXD4DE G57")],
    ),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Slp().dissect(packets("slp")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("slp")) == len(EXPECTED)


@pytest.mark.parametrize(
    "payload", [b"\2\1\0\0\x10" + bytes(5), b"\3" + bytes(20), b"\1\7\0\x63" + bytes(20), bytes(16)]
)
def test_other_protocols_are_left_alone(payload: bytes) -> None:
    """Messages of other protocols yield nothing and are not malformed."""
    assert list(Slp().dissect(Packet(payload))) == []


@pytest.mark.parametrize("payload", [b"\2\1\0\0\x0e\0\0\0\0\0\0\0\0\x09", b"\1\7\0\x10" + bytes(10) + b"\0\x09"])
def test_faults(payload: bytes) -> None:
    """An invalid message is malformed, but yields nothing if the capture truncated it."""
    with pytest.raises(Malformed):
        list(Slp().dissect(Packet(payload)))
    assert list(Slp().dissect(Packet(payload, problem=1))) == []


def test_hosts_in_addresses() -> None:
    """Ports, paths, users and brackets are removed from the host that must be the sender."""
    for url in ("service:x://10.0.0.5", "service:x:lpr://10.0.0.5:515/q", "service:x://me@10.0.0.5;a=b"):
        assert _host(url) == "10.0.0.5"
    assert _host("service:x://[2001:db8::5]:80/") == "2001:db8::5"
    assert _host("service:x") == ""
