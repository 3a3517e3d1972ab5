"""The baseline: what is learned, which rules the operator adds, and what is kept."""

from __future__ import annotations

import msgspec
import pytest

from sensor.core.addresses import parse
from sensor.core.observation import Subject
from sensor.core.time_units import HOUR
from sensor.inventory.baseline import Baseline
from sensor.inventory.habits import NAMES_LIMIT, OUTSIDE, Habits, StoredHabits
from sensor.inventory.rules import parse_service, plain_service, ruled
from tests.detectors.stories import START, UDP, Story, World, device

PC, SERVER, PRINTER = "10.0.0.5", "10.0.1.1", "10.0.2.5"
SSH, SMB, DNS = 6 << 16 | 22, 6 << 16 | 445, 17 << 16 | 53


def subject(address: str) -> Subject:
    return Subject(0, parse(address))


def world() -> World:
    return World(device("workstation", PC), device("server", SERVER), device("printer", PRINTER))


def office() -> Story:
    """A PC that uses DNS, file sharing and an external web server, twice a day."""
    story = Story()
    for hour in (1, 5):
        story.converse(hour * 3600, PC, SERVER, 445).converse(hour * 3600, PC, SERVER, 53, proto=UDP).converse(
            hour * 3600, PC, "203.0.113.5", 443
        )
    return story


def first(baseline: Baseline, client: str, server: str, service: int) -> int:
    return baseline.first_use(subject(client), subject(server), service)


def test_who_used_what_of_what() -> None:
    """Each pair and service is kept with its times; all external servers count as one."""
    baseline = world().learned(office()).baseline
    assert first(baseline, PC, SERVER, SMB) == START + HOUR
    assert first(baseline, PC, "203.0.113.77", 6 << 16 | 443) == START + HOUR
    assert first(baseline, PC, SERVER, SSH) == first(baseline, PRINTER, SERVER, SMB) == 0
    assert baseline.first_served(subject(SERVER), SMB) == START + HOUR
    assert (baseline.clients(subject(SERVER), SMB), baseline.servers(subject(PC), SMB)) == (1, 1)
    assert baseline.segments(subject(PC)) == {"10.0.1.0/24", OUTSIDE}
    assert 0 < baseline.maturity(subject(PC), 72) < 0.1


def test_what_is_allowed_counts_as_learned() -> None:
    """An allow rule counts as learned from the start, for one client or any, also for external servers."""
    baseline = world().learned(office()).baseline
    baseline.rule({("dev-10.0.2.5", "dev-10.0.1.1", SSH): True, ("*", "10.0.9.9", SSH): True})
    assert 0 < first(baseline, PRINTER, SERVER, SSH) < START
    assert 0 < baseline.first_served(subject(SERVER), SSH) < START
    assert first(baseline, PC, "10.0.9.9", SSH) > 0
    assert first(baseline, PC, SERVER, SSH) == 0
    baseline.rule({})
    assert first(baseline, PRINTER, SERVER, SSH) == baseline.first_served(subject(SERVER), SSH) == 0


def test_what_is_forbidden_is_never_learned() -> None:
    """A deny rule deletes what was learned of a pair and stops learning it; other pairs are learned."""
    there = world().learned(office())
    there.baseline.rule({("*", "dev-10.0.1.1", SMB): False, ("dev-10.0.0.5", OUTSIDE, 6 << 16 | 443): False})
    assert first(there.baseline, PC, SERVER, SMB) == first(there.baseline, PC, "203.0.113.5", 6 << 16 | 443) == 0
    there.learned(
        Story().converse(7 * 3600, PC, SERVER, 445).converse(7 * 3600, PRINTER, SERVER, 53, proto=UDP), hours=0
    )
    there.baseline.rule({})
    assert first(there.baseline, PC, SERVER, SMB) == first(there.baseline, PC, "203.0.113.9", 6 << 16 | 443) == 0
    assert first(there.baseline, PRINTER, SERVER, DNS) > 0


def test_the_rule_that_names_both_wins() -> None:
    """The order is: rule with client and server, rule with the client, rule with the server, rule without either."""
    rules = {("a", "b", SSH): True, ("a", "*", SSH): False, ("*", "c", SSH): True, ("*", "*", SSH): False}
    assert [ruled(rules, *ends, SSH) for ends in (("a", "b"), ("a", "c"), ("z", "c"), ("z", "z"))] == [
        True,
        False,
        True,
        False,
    ]
    assert ruled(rules, "a", "b", SMB) is None


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("tcp/22", SSH),
        ("22", SSH),
        ("ssh/22", SSH),
        ("UDP/53", DNS),
        ("dns/53", 6 << 16 | 53),
        ("snmp/161", 17 << 16 | 161),
    ],
)
def test_services_are_read_as_they_are_written(text: str, service: int) -> None:
    """Services are given by protocol, by name, or by port alone."""
    assert parse_service(text) == service
    assert parse_service(plain_service(service)) == service


@pytest.mark.parametrize("text", ["", "ssh", "tcp/0", "tcp/65536", "http/22", "icmp/8", "tcp/x"])
def test_what_is_no_service(text: str) -> None:
    """The error shows what a service looks like."""
    with pytest.raises(ValueError, match="tcp/22"):
        parse_service(text)


def test_a_device_is_learned_again() -> None:
    """Learned entries are reset for one service, one device, or all."""
    there = world().learned(office())
    there.baseline.forget("dev-10.0.0.5", SMB)
    assert (first(there.baseline, PC, SERVER, SMB), first(there.baseline, PC, SERVER, DNS) > 0) == (0, True)
    there.baseline.forget("dev-10.0.0.5")
    assert (first(there.baseline, PC, SERVER, DNS), there.baseline.first_served(subject(SERVER), DNS) > 0) == (0, True)
    there.baseline.forget()
    assert (len(there.baseline), there.baseline.age_h(START + 99 * HOUR)) == (0, 0)


def test_what_was_learned_lasts() -> None:
    """The next run loads what the last one saved, and the learning period continues; time without a sensor does not
    count.
    """
    old, new = world().learned(office()).baseline, world().baseline
    kept = dict(old.take(10))
    assert set(kept) == {"dev-10.0.0.5", "dev-10.0.1.1"}
    assert dict(old.take(10)) == {}
    for name, body in kept.items():
        new.restore(name, body)
    new.resume(old.watched)
    for client, server, service in ((PC, SERVER, SMB), (PC, SERVER, DNS), (PC, "203.0.113.9", 6 << 16 | 443)):
        assert first(new, client, server, service) == first(old, client, server, service) > 0
    assert new.maturity(subject(PC), 72) == old.maturity(subject(PC), 72)
    assert new.device_types("10.0.0.0/24") == old.device_types("10.0.0.0/24")
    new.watch(START + 48 * HOUR)
    assert new.age_h(START + 49 * HOUR) == 25


def test_a_wrong_clock_does_not_end_the_learning() -> None:
    """A clock that was a year ahead for a moment: the learning continues once it is corrected."""
    baseline = world().learned(office()).baseline
    now, year = baseline.watched[1], 365 * 24 * HOUR
    age = baseline.age_h(now)
    for ts in (now + year, now + year + HOUR // 2, now + HOUR // 2):
        baseline.watch(ts)
    assert baseline.age_h(now + HOUR // 2) == pytest.approx(age + 0.5, abs=0.51)


CAMERA = "10.0.3.5"
HTTPS, NTP = 6 << 16 | 443, 17 << 16 | 123


def reached(baseline: Baseline, name: str = "dev-10.0.3.5") -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """External servers that a device is known to have contacted: by name, by address."""
    (habits,) = (
        Habits.of(msgspec.json.decode(body, type=StoredHabits)) for device, body in baseline.take(99) if device == name
    )
    return (list(habits.reached.names), list(habits.reached.addresses)) if habits.reached is not None else ([], [])


def test_servers_outside_are_known_by_the_names_that_were_queried() -> None:
    """External servers of a camera are kept one by one, also within an hour, by name or else address; those of a PC are
    not.
    """
    there = World(device("camera", CAMERA), device("workstation", PC))
    there.names = {parse("203.0.113.5"): ("cloud.example.com",), parse("203.0.113.6"): ("time.example.com",)}
    story = (
        Story()
        .converse(1, CAMERA, "203.0.113.5", 443)
        .converse(2, CAMERA, "203.0.113.6", 123, proto=UDP)
        .converse(3, CAMERA, "203.0.113.7", 443)
    )
    there.learned(story.converse(4, PC, "203.0.113.5", 443))
    kept = dict(there.baseline.take(9))
    assert msgspec.json.decode(kept["dev-10.0.0.5"], type=StoredHabits).names == []
    there.baseline.restore("dev-10.0.3.5", kept["dev-10.0.3.5"])
    there.learned(Story().converse(3600 * 9, CAMERA, "203.0.113.6", 123, proto=UDP), hours=0)
    names, addresses = reached(there.baseline)
    assert names == [("cloud.example.com", HTTPS), ("time.example.com", NTP)]
    assert addresses == [("203.0.113.7", HTTPS)]


def test_of_several_names_the_one_that_the_device_used_before_is_meant() -> None:
    """Other devices query other names for the same address, as with large hosting providers."""
    there, host = World(device("camera", CAMERA)), parse("203.0.113.5")
    there.names[host] = ("cloud.example.com",)
    there.learned(Story().converse(1, CAMERA, "203.0.113.5", 443))
    there.names[host] = there.names[parse("203.0.113.6")] = ("shop.example.org", "cloud.example.com")
    there.learned(Story().converse(7200, CAMERA, "203.0.113.6", 443), hours=0)
    (_, kept) = next(iter(there.baseline.take(9)))
    assert [(name, use.address) for name, _, use in msgspec.json.decode(kept, type=StoredHabits).names] == [
        ("cloud.example.com", "203.0.113.6")
    ]


def test_what_is_kept_of_outside_is_bounded_and_reports_so() -> None:
    """The entries unused for longest are evicted, and it is recorded that there were more."""
    there, story = World(device("camera", CAMERA)), Story()
    for n in range(NAMES_LIMIT + 3):
        there.names[parse(f"203.0.113.{n}")] = (f"n{n}.example.com",)
        story.converse(n * 100, CAMERA, f"203.0.113.{n}", 443)
    there.learned(story)
    kept = Habits.of(msgspec.json.decode(dict(there.baseline.take(9))["dev-10.0.3.5"], type=StoredHabits))
    assert (len(kept.reached.names), ("n2.example.com", HTTPS) in kept.reached.names, kept.reached.crowded) == (
        NAMES_LIMIT,
        False,
        True,
    )
    there.baseline.forget("dev-10.0.3.5", HTTPS)
    assert reached(there.baseline) == ([], [])


def test_habits_that_an_earlier_sensor_kept_are_read() -> None:
    """Baselines of an earlier version have no external servers by name, and learn them."""
    there = World(device("camera", CAMERA))
    there.baseline.restore(
        "dev-10.0.3.5",
        b'{"kind":"camera","segment":"10.0.3.0/24","first":1,"last":2,"hours":1,"uses":[["outside",394683,[1,2,3]]]}',
    )
    there.learned(Story().converse(1, CAMERA, "203.0.113.5", 443), hours=0)
    assert reached(there.baseline) == ([], [("203.0.113.5", HTTPS)])
