"""Names of addresses: from DNS answers and TLS server names, bounded."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.dissectors.dns import DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.dns_message import Record
from sensor.dissectors.tls import TlsClientHello
from sensor.engine.passive_dns import PassiveDns

FIRST, SECOND = parse("203.0.113.1"), parse("2001:db8::1")


def reported(*events: DnsResponse | TlsClientHello | HttpRequest, size: int = 100) -> PassiveDns:
    memory = PassiveDns(size)
    for event in events:
        for _, kind, receive, _ in memory.listeners():
            if type(event) is kind:
                receive(event)
    return memory


def answer(name: str, *addresses: int) -> DnsResponse:
    alias = Record(name, 5, 60, 10, value="alias.example.net")
    return DnsResponse(
        Packet(),
        1,
        name,
        1,
        0,
        False,
        (alias, *(Record("alias.example.net", 1, 60, 4, address) for address in addresses)),
    )


def hello(address: int, name: str) -> TlsClientHello:
    return TlsClientHello(Packet(dst=address), name, (), "", "", "", (), False)


def test_names_come_from_answers_and_hellos() -> None:
    """The queried name is assigned to the address through any aliases; the newest comes first."""
    memory = reported(answer("www.example.com", FIRST, SECOND), hello(FIRST, "Api.Example.org"), hello(FIRST, ""))
    assert memory.names_of(FIRST) == ("api.example.org", "www.example.com")
    assert memory.names_of(SECOND) == ("www.example.com",)
    assert memory.names_of(parse("203.0.113.2")) == ()


def requested(address: int, host: str, path: str = "/", forwarded: bool = False) -> HttpRequest:
    return HttpRequest(Packet(dst=address), "GET", host, path, "", "", "", "", "", -1, forwarded)


def test_names_in_requests() -> None:
    """The Host field names a server of which no other name is known; addresses, proxies and later hosts do not."""
    assert reported(requested(FIRST, "Www.Example.com")).names_of(FIRST) == ("www.example.com",)
    assert reported(hello(FIRST, "a.example"), requested(FIRST, "b.example")).names_of(FIRST) == ("a.example",)
    for event in (
        requested(FIRST, "203.0.113.1"),
        requested(FIRST, "localhost"),
        requested(FIRST, "b.example", "http://b.example/"),
        requested(FIRST, "b.example", forwarded=True),
        requested(FIRST, ""),
    ):
        assert reported(event).names_of(FIRST) == ()


def test_bounds() -> None:
    """Four names per address, and a limited number of addresses."""
    memory = reported(
        *(hello(FIRST, f"n{n}.example.com") for n in range(9)),
        *(hello(n, "x.example.com") for n in range(1, 20)),
        size=10,
    )
    assert memory.names_of(FIRST) == ()
    assert reported(*(hello(FIRST, f"n{n}.example.com") for n in range(9))).names_of(FIRST) == tuple(
        f"n{n}.example.com" for n in (8, 7, 6, 5)
    )
