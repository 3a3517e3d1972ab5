"""Name poisoning (LLMNR, NBT-NS, mDNS)."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.llmnr import LlmnrQuery, LlmnrResponse
from sensor.dissectors.mdns import MdnsAnnouncement, MdnsQuery
from sensor.dissectors.nbns import NbnsAnswer, NbnsQuery, NbnsRegistration
from sensor.dissectors.shared.dns_message import Question, Record
from tests.detectors.stories import START, detector, inspected, mac_of, one
from tests.golden import Golden

POISON = "credential_access.name_poisoning"
THIEF, VICTIM, SERVER, GROUP = "10.0.0.66", "10.0.0.20", "10.0.0.5", "224.0.0.251"


def messages(at: float, sender: str, other: str, port: int) -> Packet:
    ts = START + int(at * SECOND)
    return Packet(
        ts=ts,
        src=parse(sender),
        dst=parse(other),
        src_mac=mac_of(sender),
        dst_mac=mac_of(other),
        proto=17,
        sport=port,
        dport=port,
    )


def llmnr(at: float, name: str, sender: str = THIEF, *, asker: str = VICTIM, address: str = "") -> Event:
    record = Record(name, 1, 30, 4, parse(address or sender))
    return LlmnrResponse(messages(at, sender, asker, 5355), 1, name, 1, 0, False, (record,))


def netbios(
    at: float,
    name: str,
    sender: str = THIEF,
    *,
    address: str = "",
    server: bool = False,
    suffix: int = 0x20,
    group: bool = False,
) -> Event:
    return NbnsAnswer(
        messages(at, sender, VICTIM, 137), 1, name.upper()[:15], suffix, 0, ((parse(address or sender), group),), server
    )


def mdns(at: float, name: str, sender: str = THIEF, *, requested: bool = True) -> list[Event]:
    """An mDNS query and its answer, or an announcement alone."""
    question = MdnsQuery(messages(at, VICTIM, GROUP, 5353), (Question(f"{name}.local", 1),), False)
    answer = MdnsAnnouncement(
        messages(at + 0.02, sender, GROUP, 5353), (Record(f"{name}.local", 1, 120, 4, parse(sender)),), True
    )
    return [question, answer] if requested else [answer]


def test_every_query_is_answered(golden: Golden) -> None:
    """A host that answers all queries raises an alert with names, protocols and victims."""
    story = [
        llmnr(0, "fileserv"),
        netbios(1, "FILESERV"),
        llmnr(9, "printsrv", asker="10.0.0.21"),
        *mdns(20, "intranett"),
    ]
    alert = one(inspected(detector(POISON), story))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.high, "T1557.001")
    assert (alert.actor.address, {target.address for target in alert.targets}) == (
        parse(THIEF),
        {parse(VICTIM), parse("10.0.0.21")},
    )
    assert (alert.numbers["names"], alert.numbers["threshold"]) == (3, 3)
    golden(alert.summary, "NetBIOS")


def test_names_without_an_owner(golden: Golden) -> None:
    """Answers to random names of browsers, and to WPAD, raise an alert."""
    [alert] = inspected(detector(POISON), [llmnr(0, "fileserv"), llmnr(1, "jhgkwdzixn")])
    assert (alert.severity, alert.why[1].rpartition(": ")[2]) == (Severity.high, "jhgkwdzixn")
    assert (alert.numbers["names"], alert.numbers["threshold"]) == (2, 2)
    [alert] = inspected(detector(POISON), [netbios(0, "WPAD", suffix=0)])
    assert (alert.severity, alert.numbers["threshold"]) == (Severity.medium, 1)
    golden(alert.why[0], "threshold 1")


def test_aliases_over_mdns_alone_are_low() -> None:
    """Aliases answered over mDNS only are low, as they may have been announced before the capture."""
    [alert] = inspected(
        detector(POISON),
        [each for n, name in enumerate(("cloud", "photos", "music", "wiki")) for each in mdns(n * 60, name)],
    )
    assert alert.severity == Severity.low


def test_benign_hosts_are_quiet() -> None:
    """A host that answers its own name (also a long one), names it registered, probed or announced, hidden addresses of
    browsers, and a random-looking host name raise no alert.
    """
    story = [
        llmnr(0, "verylonghostname-7"),
        netbios(1, "verylonghostname-7"),
        netbios(2, "VERYLONGHOSTNAM", suffix=0),
        *mdns(3, "verylonghostname-7"),
    ]
    for n, name in enumerate(("CLUSTER", "SQL", "FILES", "BACKUP")):
        story.append(
            NbnsRegistration(
                messages(10 + n, SERVER, "10.0.0.255", 137), 1, name, 0x20, False, parse(SERVER), False, True
            )
        )
        story += [netbios(20 + n, name, SERVER), llmnr(21 + n, name.lower(), SERVER)]
    for n, name in enumerate(("cloud", "photos", "music", "wiki")):
        probe = MdnsQuery(messages(30 + n, "10.0.0.7", GROUP, 5353), (Question(f"{name}.local", 255),), True)
        story += [
            probe,
            *mdns(40 + n, name, "10.0.0.7"),
            *mdns(50 + n, f"x{name}", "10.0.0.8", requested=False),
            *mdns(70 + n, f"x{name}", "10.0.0.8"),
        ]
        story += mdns(90 + n, f"0b6cfd0e-6d1c-4fa5-8e6b-00000000000{n}", "10.0.0.9")
    story += [
        llmnr(200, "brwmrqtvpe", "10.0.0.10"),
        LlmnrQuery(messages(201, "10.0.0.11", GROUP, 5355), 1, "wpad", 255, True, False),
        llmnr(202, "wpad", "10.0.0.11"),
    ]
    assert inspected(detector(POISON), story) == []


def test_benign_servers_are_quiet() -> None:
    """A WINS server, known by its flag or by unicast queries, one that answers for all hosts, a domain controller, and
    a reflector raise no alert.
    """
    names = ("ALPHA", "BETA", "GAMMA", "DELTA")
    story: list[Event] = [netbios(n, name, SERVER, address="10.0.0.50", server=True) for n, name in enumerate(names)]
    story += [NbnsQuery(messages(10, VICTIM, "10.0.0.6", 137), 1, "ALPHA", 0x20, False, False)]
    story += [netbios(20 + n, name, "10.0.0.6", address="10.0.0.50") for n, name in enumerate(names)]
    story += [netbios(30 + n, name, "10.0.0.7", address=f"10.0.0.{50 + n}") for n, name in enumerate(names)]
    story += [
        netbios(40, "DC1", "10.0.0.8"),
        netbios(41, "OFFICE", "10.0.0.8", suffix=0x1B),
        netbios(42, "OFFICE", "10.0.0.8", group=True),
    ]
    story += [
        netbios(43, "OTHER", "10.0.0.8", suffix=0x1D),
        netbios(44, "__MSBROWSE__", "10.0.0.8", suffix=1, group=True),
    ]
    for n, name in enumerate(names):
        question, answer = mdns(50 + n, name, "10.0.0.9")
        story += [
            question,
            MdnsAnnouncement(answer.packet, (Record(f"{name}.local", 1, 120, 4, parse("10.0.1.1")),), False),
        ]
    assert inspected(detector(POISON), story) == []


def test_slow_answers_are_apart() -> None:
    """Rare answers with different names, as of a renamed host, raise no alert."""
    assert (
        inspected(detector(POISON), [llmnr(n * 4000, name) for n, name in enumerate(("alpha", "beta", "gamma"))]) == []
    )


def test_repetition_is_reported_once_a_window() -> None:
    """A continuing attack with thousands of names is reported once in a time window."""
    found = inspected(detector(POISON), [llmnr(n, f"host{n}") for n in range(7200)])
    assert one(found)
    assert len(found) <= 3
