"""DNS tunneling: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

import hashlib

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.shared.dns_message import Record
from tests.detectors.stories import START, World, detector, device, inspected, one

TUNNEL = "command_and_control.dns_tunnel"
A, NULL, TXT, CNAME, MX = 1, 10, 16, 5, 15


def question(at: float, name: str, kind: int = A, client: str = "10.0.0.66") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(client), dst=parse("10.0.0.1"), sport=50000, dport=53)
    return DnsQuery(packet, 1, name, kind, 0, True)


def answer(at: float, name: str, kind: int, size: int, client: str = "10.0.0.66") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse("10.0.0.1"), dst=parse(client), sport=53, dport=50000)
    return DnsResponse(packet, 1, name, kind, 0, False, (Record(name, kind, 0, size),))


def code(n: int, size: int = 24) -> str:
    return hashlib.sha256(b"%d" % n).hexdigest()[:size]


def test_names_full_of_data_are_a_tunnel() -> None:
    """Twenty names with encoded data, of mixed record types or hexadecimal, raise an alert with client and resolver."""
    alert = one(
        inspected(
            detector(TUNNEL), [question(n, f"{code(n)}.evil.example.com", (CNAME, TXT)[n % 3 == 0]) for n in range(25)]
        )
    )
    assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse("10.0.0.1"))
    assert alert.numbers["names"] == 20
    assert alert.severity == Severity.high
    assert [technique.technique for technique in alert.techniques] == ["T1071.004", "T1572"]


def test_a_tunnel_without_a_domain() -> None:
    """dnscat2 sends to its server directly, in names without a domain, of several labels and record types. Host names
    and addresses without a domain raise no alert.
    """
    kinds = (MX, CNAME, TXT)
    names = [f"dnscat.{code(n)}" if n % 2 else f"dnscat.{code(n, 60)}.{code(-n, 12)}" for n in range(30)]
    alert = one(inspected(detector(TUNNEL), [question(n, name, kinds[n % 3]) for n, name in enumerate(names)]))
    assert (alert.numbers["names"], alert.numbers["domain"], alert.severity) == (20, "", Severity.high)
    hosts = [question(n, f"desktop-{code(n, 7)}", A) for n in range(60)]
    hosts += [question(n, f"printer{n}.marketing-europe.site2", A) for n in range(60)]
    assert inspected(detector(TUNNEL), hosts + [question(n, f"192.168.100.{n}", A) for n in range(60)]) == []


def test_strange_record_types_are_a_tunnel() -> None:
    [alert] = inspected(detector(TUNNEL), [question(n, f"p{n}.t.example.com", NULL) for n in range(12)])
    assert "no client uses" in alert.why[0]


def test_commands_in_texts_are_a_tunnel() -> None:
    """Short names with long TXT answers raise an alert; it is severe for a printer."""
    story = [
        each
        for n in range(12)
        for each in (question(n, f"l.{n}.ns.example.pl", TXT), answer(n, f"l.{n}.ns.example.pl", TXT, 250))
    ]
    alert = one(inspected(detector(TUNNEL, World(device("printer", "10.0.0.66"))), story))
    assert alert.severity == Severity.critical


def test_addresses_only_take_twice_as_many() -> None:
    found = inspected(detector(TUNNEL), [question(n, f"{code(n)}.cdn.example.com") for n in range(45)])
    assert [alert.numbers["names"] for alert in found] == [40]


def test_a_file_that_leaves_within_hours() -> None:
    """One encoded name in four minutes raises an alert, with usual record types. Names of many clients, repeated names,
    short names and words do not.
    """
    alert = one(inspected(detector(TUNNEL), [question(n * 240, f"{code(n, 40)}.x.example.com") for n in range(89)]))
    assert (alert.numbers["names"], alert.severity, alert.techniques[0].technique) == (80, Severity.medium, "T1048.003")
    many = [question(n * 80, f"{code(n, 40)}.cdn.example.com", client=f"10.0.0.{n % 4 + 1}") for n in range(400)]
    repeated = [question(n * 240, f"{code(n % 50, 40)}.x.example.com") for n in range(200)]
    short = [question(n * 240, f"{code(n, 20)}.x.example.com") for n in range(200)]
    words = [question(n * 240, f"holiday-pictures-from-the-garden-{n}.example.com") for n in range(200)]
    for story in (many, repeated, short, words):
        assert inspected(detector(TUNNEL), story) == []


def test_one_name_full_of_data_is_a_hint() -> None:
    name = "h4sicn03*2qaa3rlc3qudhh0aavjycxwakjehelu5klueow0zjx=.x.example.com"
    [alert] = inspected(detector(TUNNEL), [question(0, name)])
    assert alert.severity == Severity.low
    assert alert.techniques[0].technique == "T1048.003"


def test_benign_twins_are_quiet() -> None:
    """CDNs, block lists, reputation services, names of a domain controller, TXT records of mail, reverse look-ups, and
    names of many words raise no alert.
    """
    words = "alpha beta gamma delta printer mail files intranet portal backup shop video music images static".split()
    story: list[Event] = []
    for n in range(80):
        story += [question(n, f"{n}.2.0.192.zen.listed.example.org", TXT), question(n, f"{code(n)}.sophosxl.net", TXT)]
        story += [
            question(n, f"{n}.0.0.10.in-addr.arpa", 12),
            question(n, f"{words[n % 15]}-{n}.example.com"),
            question(n, f"_dmarc.firm{n}.com", TXT),
        ]
        story += [
            question(n, f"_ldap._tcp.site{n % 4}._sites.dc._msdcs.corp.example.net", 33),
            question(n, f"{code(n % 30)}.cloudfront.net"),
        ]
    assert inspected(detector(TUNNEL), story) == []


def test_a_mail_server_is_quiet() -> None:
    """A mail server's queries for DKIM keys, which providers number or name after customers, and for hashes at a block
    list raise no alert.
    """
    story: list[Event] = []
    for n in range(80):
        names = (f"{code(n, 32)}._domainkey.amazonses.com", f"selector1-firm{n}-com._domainkey.firm{n}.onmicrosoft.com")
        story += [each for name in names for each in (question(n, name, TXT), answer(n, name, TXT, 230))]
        story += [question(n, f"{code(n, 40)}.ebl.msbl.org"), question(n, f"{code(n, 26)}.key.hbl.dq.spamhaus.net")]
    assert inspected(detector(TUNNEL), story) == []


def test_a_flood_is_no_tunnel() -> None:
    """Short names that do not exist, of forty clients or of one at a hundred a second, are a flood, reported elsewhere.
    Names that exist, long ones, and those that one client queries more slowly are tunnels.
    """

    def actors(rcode: int, clients: int, *, rate: int = 100, letters: int = 16) -> int:
        names = [
            (n / rate, f"{code(n, letters)}.example.com", f"10.0.1.{n % clients + 1}")
            for n in range(600 + 60 * clients)
        ]
        events: list[Event] = []
        for at, name, client in names:
            response = answer(at + 0.005, name, A, 4, client)
            assert isinstance(response, DnsResponse)
            answers = () if rcode else response.answers
            events += [question(at, name, A, client), DnsResponse(response.packet, 1, name, A, rcode, False, answers)]
        return len({alert.actor.address for alert in inspected(detector(TUNNEL), events)})

    assert (actors(3, 40), actors(3, 1), actors(2, 1)) == (0, 0, 0)
    assert (actors(0, 40), actors(0, 1), actors(3, 1, rate=10), actors(3, 1, letters=40)) == (40, 1, 1, 1)


def test_repetition_is_one_finding() -> None:
    """A tunnel has one alert key and is reported again when it grows; repeated names add nothing."""
    assert (
        len(inspected(detector(TUNNEL), [question(n * 0.1, f"{code(n)}.evil.example.com", CNAME) for n in range(200)]))
        == 19
    )
    assert one(
        inspected(detector(TUNNEL), [question(n * 0.1, f"{code(n)}.evil.example.com", CNAME) for n in range(200)])
    ).key
    assert (
        len(
            inspected(
                detector(TUNNEL), [question(n * 0.1, f"{code(n % 20)}.evil.example.com", CNAME) for n in range(400)]
            )
        )
        == 1
    )


def test_only_responses_are_captured() -> None:
    """A response repeats the query: the same tunnel is reported with its client, and once where both are captured.
    Responses for hosts, and those for a reputation service, raise no alert.
    """
    names = [f"{code(n)}.evil.example.com" for n in range(25)]
    replies = [answer(n, name, CNAME, 60) for n, name in enumerate(names)]
    alert = one(inspected(detector(TUNNEL), replies))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse("10.0.0.1"))
    assert (alert.numbers["names"], alert.actor_port, alert.target_port) == (20, 50000, 53)
    queries = [question(n, name, CNAME) for n, name in enumerate(names)]
    both = [each for pair in zip(queries, replies, strict=True) for each in pair]
    assert len(inspected(detector(TUNNEL), both)) == len(inspected(detector(TUNNEL), queries)) == 1
    benign = [answer(n, f"www{n}.example.com", A, 4) for n in range(60)]
    benign += [answer(n, f"{code(n)}.sophosxl.net", TXT, 40) for n in range(60)]
    assert inspected(detector(TUNNEL), benign) == []
