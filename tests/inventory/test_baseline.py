"""The baseline: what is learned, what people say of it, and what lasts."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.observation import Subject
from sensor.inventory.baseline import Baseline
from sensor.inventory.habits import OUTSIDE
from sensor.inventory.rules import parse_service, plain_service, ruled
from tests.detectors.stories import START, UDP, Story, World, device

HOUR = 3_600_000_000_000
PC, SERVER, PRINTER = "10.0.0.5", "10.0.1.1", "10.0.2.5"
SSH, SMB, DNS = 6 << 16 | 22, 6 << 16 | 445, 17 << 16 | 53


def subject(address: str) -> Subject:
    return Subject(0, parse(address))


def world() -> World:
    return World(device("workstation", PC), device("server", SERVER), device("printer", PRINTER))


def office() -> Story:
    """A PC that uses names, files and an outside page, twice a day."""
    story = Story()
    for hour in (1, 5):
        story.talk(hour * 3600, PC, SERVER, 445).talk(hour * 3600, PC, SERVER, 53, proto=UDP).talk(hour * 3600, PC, "203.0.113.5", 443)
    return story


def first(baseline: Baseline, client: str, server: str, service: int) -> int:
    return baseline.first_use(subject(client), subject(server), service)


def test_who_used_what_of_whom() -> None:
    """Each pair and service with its time; all servers outside are one."""
    baseline = world().learned(office()).baseline
    assert first(baseline, PC, SERVER, SMB) == START + HOUR
    assert first(baseline, PC, "203.0.113.77", 6 << 16 | 443) == START + HOUR
    assert first(baseline, PC, SERVER, SSH) == first(baseline, PRINTER, SERVER, SMB) == 0
    assert baseline.first_served(subject(SERVER), SMB) == START + HOUR
    assert (baseline.clients(subject(SERVER), SMB), baseline.servers(subject(PC), SMB)) == (1, 1)
    assert baseline.segments(subject(PC)) == {"10.0.1.0/24", OUTSIDE}
    assert 0 < baseline.maturity(subject(PC), 72) < 0.1


def test_what_is_allowed_counts_as_learned() -> None:
    """By client and server, or for anybody; it was there before all else, and is so for servers too."""
    baseline = world().learned(office()).baseline
    baseline.rule({("dev-10.0.2.5", "dev-10.0.1.1", SSH): True, ("*", "10.0.9.9", SSH): True})
    assert 0 < first(baseline, PRINTER, SERVER, SSH) < START
    assert 0 < baseline.first_served(subject(SERVER), SSH) < START
    assert first(baseline, PC, "10.0.9.9", SSH) > 0
    assert first(baseline, PC, SERVER, SSH) == 0
    baseline.rule({})
    assert first(baseline, PRINTER, SERVER, SSH) == baseline.first_served(subject(SERVER), SSH) == 0


def test_what_is_forbidden_is_never_learned() -> None:
    """What was learned of it is gone, and what comes is not learned; other pairs are."""
    there = world().learned(office())
    there.baseline.rule({("*", "dev-10.0.1.1", SMB): False, ("dev-10.0.0.5", OUTSIDE, 6 << 16 | 443): False})
    assert first(there.baseline, PC, SERVER, SMB) == first(there.baseline, PC, "203.0.113.5", 6 << 16 | 443) == 0
    there.learned(Story().talk(7 * 3600, PC, SERVER, 445).talk(7 * 3600, PRINTER, SERVER, 53, proto=UDP), hours=0)
    there.baseline.rule({})
    assert first(there.baseline, PC, SERVER, SMB) == first(there.baseline, PC, "203.0.113.9", 6 << 16 | 443) == 0
    assert first(there.baseline, PRINTER, SERVER, DNS) > 0


def test_the_rule_that_names_both_wins() -> None:
    """Then that of the client, then that of the server, then the one about everybody."""
    rules = {("a", "b", SSH): True, ("a", "*", SSH): False, ("*", "c", SSH): True, ("*", "*", SSH): False}
    assert [ruled(rules, *ends, SSH) for ends in (("a", "b"), ("a", "c"), ("z", "c"), ("z", "z"))] == [True, False, True, False]
    assert ruled(rules, "a", "b", SMB) is None


@pytest.mark.parametrize(
    ("text", "service"), [("tcp/22", SSH), ("22", SSH), ("ssh/22", SSH), ("UDP/53", DNS), ("dns/53", 6 << 16 | 53), ("snmp/161", 17 << 16 | 161)]
)
def test_services_are_read_as_they_are_written(text: str, service: int) -> None:
    """By protocol, by name, or by port alone."""
    assert parse_service(text) == service
    assert parse_service(plain_service(service)) == service


@pytest.mark.parametrize("text", ["", "ssh", "tcp/0", "tcp/65536", "http/22", "icmp/8", "tcp/x"])
def test_what_is_no_service(text: str) -> None:
    """It is said what one looks like."""
    with pytest.raises(ValueError, match="expected such as tcp/22"):
        parse_service(text)


def test_a_device_is_learned_anew() -> None:
    """One service, one device, everything."""
    there = world().learned(office())
    there.baseline.forget("dev-10.0.0.5", SMB)
    assert (first(there.baseline, PC, SERVER, SMB), first(there.baseline, PC, SERVER, DNS) > 0) == (0, True)
    there.baseline.forget("dev-10.0.0.5")
    assert (first(there.baseline, PC, SERVER, DNS), there.baseline.first_served(subject(SERVER), DNS) > 0) == (0, True)
    there.baseline.forget()
    assert (len(there.baseline), there.baseline.age_h(START + 99 * HOUR)) == (0, 0)


def test_what_was_learned_lasts() -> None:
    """What one run gives, another takes: the same answers, and time goes on where it stopped; a night in between does not count."""
    old, new = world().learned(office()).baseline, world().baseline
    kept = dict(old.take(10))
    assert set(kept) == {"dev-10.0.0.5", "dev-10.0.1.1"}
    assert dict(old.take(10)) == {}
    for name, body in kept.items():
        new.restore(name, body)
    new.go_on(old.watched)
    for client, server, service in ((PC, SERVER, SMB), (PC, SERVER, DNS), (PC, "203.0.113.9", 6 << 16 | 443)):
        assert first(new, client, server, service) == first(old, client, server, service) > 0
    assert new.maturity(subject(PC), 72) == old.maturity(subject(PC), 72)
    assert new.dwellers("10.0.0.0/24") == old.dwellers("10.0.0.0/24")
    new.watch(START + 48 * HOUR)
    assert new.age_h(START + 49 * HOUR) == 25
