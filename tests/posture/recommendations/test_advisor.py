"""Recommendations over time: opened once for each device and setting with evidence; closed by later traffic or age."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from sensor.core.addresses import parse
from sensor.core.device import Attribute, Device
from sensor.core.event import Event
from sensor.core.observation import Evidence
from sensor.core.recommendation import Recommendation
from sensor.core.record import RecordMaker
from sensor.core.record_parts import time_text
from sensor.core.time_units import SECOND
from sensor.detectors.shared.insecure import OF_SENDER, Insecure
from sensor.dissectors.dhcp import DhcpAck, DhcpOffer
from sensor.dissectors.llmnr import LlmnrQuery
from sensor.inventory.roster import Member
from sensor.posture.recommendations.advisor import QUIET_DAYS, Advisor
from tests.core.test_record import numbered, validator
from tests.detectors.login_stories import CLIENT, SERVER, ends, ftp, telnet
from tests.detectors.stories import START, World, device
from tests.golden import Golden
from tests.posture.recommendations.settings import (
    DAY,
    FIXED,
    INSECURE,
    certificate,
    challenge,
    fixed,
    insecure,
    lease,
    page,
)

HOUR = 3600


def camera() -> Device:
    """A camera with an id of the inventory."""
    return msgspec.structs.replace(device("camera", SERVER, "CAM-1"), id="dev-5k2m8q")


class Watch:
    """An advisor with input events, and its output: (action, recommendation, seconds since the start, reason for
    closing).
    """

    def __init__(self, world: World | None = None, cases: int = 64) -> None:
        self.world = world or World(camera())
        self.reported: list[tuple[str, Recommendation, float, str]] = []
        self.members: list[Member] = []
        self.advisor = Advisor(self.world, self._report, lambda: self.members, cases)
        self._receivers: dict[type[Event], list[Callable[[Any], None]]] = {}
        for _, kind, receive, _ in self.advisor.listeners():
            self._receivers.setdefault(kind, []).append(receive)

    def _report(self, action: str, reported: Recommendation, at: int, closed: str) -> None:
        self.reported.append((action, reported, (at - START) / SECOND, closed))

    def feed(self, events: Iterable[Event]) -> Watch:
        for event in events:
            for receive in self._receivers.get(type(event), ()):
                receive(event)
        return self

    def at(self, seconds: float) -> Watch:
        """Advances the time to this second."""
        self.advisor.tick(START + int(seconds * SECOND))
        return self

    def of(self, setting: str) -> list[str]:
        """The actions about one setting."""
        return [action for action, reported, *_ in self.reported if reported.setting == setting]

    @property
    def actions(self) -> list[str]:
        return [action for action, *_ in self.reported]


@pytest.mark.parametrize("setting", INSECURE)
def test_each_setting_is_reported_with_its_proof(setting: str) -> None:
    """A recommendation about the host is opened once, after a minute; its record is valid under the schema."""
    watch = Watch().feed([*insecure(setting, 0), *insecure(setting, 5)]).at(59)
    assert watch.reported == []
    [(action, reported, at, closed)] = watch.at(60).reported
    assert (action, reported.setting, at, closed) == ("open", setting, 60, "")
    assert (reported.subject.address, reported.other and reported.other.address, reported.count) == (
        parse(SERVER),
        parse(CLIENT),
        2,
    )
    assert reported.summary.startswith(f"camera CAM-1 ({SERVER}) ")
    assert (reported.first, reported.proof[0]["ts"]) == (START, time_text(START))
    record = numbered(RecordMaker("s", version="1").recommendation(action, reported, START, watch.world.device))
    validator().validate(record)
    assert (record["src"]["ip"], record["evidence"][0]["ts"]) == (SERVER, "2023-11-14T22:13:20.000000Z")


@pytest.mark.parametrize("setting", FIXED)
def test_later_traffic_closes_it(golden: Golden, setting: str) -> None:
    """A secure setting closes it an hour after the insecure one was last seen, with the evidence. If the insecure one
    returns, it is opened again with the same id.
    """
    watch = Watch().feed(insecure(setting, 0)).at(60).feed(fixed(setting, HOUR - 1))
    assert watch.of(setting) == ["open"]
    watch.feed(fixed(setting, HOUR + 1))
    assert watch.of(setting) == ["open", "close"]
    golden(watch.reported[-1][3])
    watch.feed([*fixed(setting, HOUR + 2), *insecure(setting, 2 * HOUR)]).at(2 * HOUR + 60)
    assert watch.of(setting) == ["open", "close", "open"]
    assert len({reported.key for _, reported, _, _ in watch.reported if reported.setting == setting}) == 1


def test_another_port_closes_nothing() -> None:
    """A valid certificate at one port does not close the recommendation of another."""
    watch = Watch().feed([certificate(0, own=True)]).at(60).feed([certificate(2 * HOUR, port=8443)])
    assert watch.actions == ["open"]


def test_the_next_device_with_the_address_closes_nothing() -> None:
    """Behind a router both devices have its MAC: a secure setting of the next one is not a fix of the first one."""
    world = World(camera())
    watch = Watch(world).feed(insecure("ntlmv1", 0)).at(60)
    world.devices[parse(SERVER)] = msgspec.structs.replace(camera(), id="dev-6m3n9r")
    watch.feed(fixed("ntlmv1", 2 * HOUR))
    assert watch.actions == ["open"]
    world.devices[parse(SERVER)] = camera()
    assert watch.feed(fixed("ntlmv1", 3 * HOUR)).actions == ["open", "close"]


def test_silence_closes_it_while_the_device_is_seen(golden: Golden) -> None:
    """Two weeks without the setting close it if the device was active; a device that was off stays open."""
    world = World(device("camera", SERVER), device("printer", "10.0.0.6"))
    watch = Watch(world).feed([ftp(0, accepted=True), ftp(0, accepted=True, server="10.0.0.6")]).at(60)
    world.devices[parse(SERVER)].last = START + QUIET_DAYS * DAY * SECOND
    for day in range(1, QUIET_DAYS + 2):
        watch.at(day * DAY + 60)
    assert watch.actions == ["open", "open", "close"]
    assert watch.reported[2][1].subject.address == parse(SERVER)
    golden(watch.reported[2][3])


def test_it_is_reported_again_once_a_day() -> None:
    """It is reported once a day with the current count, while messages show the setting."""
    watch = Watch()
    for minute in range(3 * 1440):
        watch.feed([ftp(minute * 60)]).at(minute * 60)
    assert watch.actions == ["open", "update", "update"]
    assert [reported.count for _, reported, _, _ in watch.reported] == [2, 1442, 2882]


def test_a_device_is_one_wherever_it_is() -> None:
    """A device with a new address keeps its recommendations."""
    there, moved = device("camera", SERVER), "10.0.0.9"
    world = World(there)
    watch = Watch(world).feed([telnet(0)]).at(60)
    world.devices[parse(moved)] = there
    watch.feed([telnet(100, server=moved)]).at(300)
    assert watch.actions == ["open"]
    watch.feed([telnet(DAY + 100, server=moved)])
    assert (watch.actions, watch.reported[1][1].subject.address, watch.reported[1][1].count) == (
        ["open", "update"],
        parse(moved),
        3,
    )


def test_a_device_that_is_known_late_is_one() -> None:
    """Two addresses that are later merged into one device give one recommendation with the sum of counts."""
    world, second = World(), "10.0.0.9"
    watch = Watch(world).feed([telnet(0), telnet(1, server=second)])
    world.devices[parse(SERVER)] = world.devices[parse(second)] = camera()
    [(_, reported, _, _)] = watch.at(120).reported
    assert (reported.key, reported.count) == ("dev-5k2m8q|telnet", 1)
    [*_, (action, again, _, _)] = watch.feed([telnet(DAY + 200, server=second)]).reported
    assert (action, again.key, again.count) == ("update", reported.key, 3)


def test_a_device_that_turned_out_to_be_another_is_reported_of_again(golden: Golden) -> None:
    """A device with a new id is reported by that id once the setting is seen again."""
    world = World(camera())
    watch = Watch(world).feed([telnet(0)]).at(60)
    world.devices[parse(SERVER)] = device("camera", SERVER, "CAM-1")
    watch.at(DAY + 120)
    assert watch.actions == ["open", "close"]
    golden(watch.reported[1][3])
    watch.feed([telnet(DAY + 130)]).at(DAY + 200)
    assert [reported.key for _, reported, _, _ in watch.reported] == [
        "dev-5k2m8q|telnet",
        "dev-5k2m8q|telnet",
        f"dev-{SERVER}|telnet",
    ]


def test_what_waits_is_reported_whatever_day_it_is() -> None:
    """A device that becomes known a moment later, during the daily check, is reported."""
    world = World()
    watch = Watch(world).at(1).feed([telnet(DAY - 10)])
    world.devices[parse(SERVER)] = camera()
    watch.at(DAY + 1).at(DAY + 60)
    assert [(action, reported.key) for action, reported, _, _ in watch.reported] == [("open", "dev-5k2m8q|telnet")]


def test_steps_are_those_of_its_maker() -> None:
    """Steps are those of the vendor, where they are known; the fault is the same for all."""
    cisco: Device = device("switch", SERVER)
    claim = Evidence("vendor", "Cisco", 0.9, "f", "cdp", "k", "s", START, START)
    cisco.attributes["vendor"] = Attribute("vendor", "Cisco", 0.9, (claim,))
    [(_, reported, _, _)] = Watch(World(cisco)).feed([telnet(0)]).at(60).reported
    assert (reported.maker, "transport input ssh" in reported.steps) == ("Cisco", True)
    [(_, other, _, _)] = Watch(World(device("switch", SERVER))).feed([telnet(0)]).at(60).reported
    assert (other.maker, other.steps, other.fix) == ("", "", reported.fix)


def test_machines_outside_are_not_ours_to_fix() -> None:
    """External hosts and multicast addresses get no recommendations."""
    story = [ftp(0, server="198.51.100.7"), *insecure("ftp", 0)]
    assert len(Watch().feed(story).at(60).reported) == 1


@pytest.mark.parametrize("setting", INSECURE)
def test_events_of_the_sender_show_its_own_settings(setting: str) -> None:
    """The advisor skips such an event of an external sender: it must not show a setting of the receiver."""
    shown = [Insecure().read(event) for event in insecure(setting, 0) if type(event) in OF_SENDER]
    assert [one for one in shown if one is None or one.requested or one.whose is not None] == []


def test_benign_twins_are_quiet() -> None:
    """Web pages, probes for an own name, and secure settings give no recommendations."""
    twins = [
        page(0, 200),
        LlmnrQuery(ends(0, 5355, answer=True), 1, "me", 1, True, False),
        *(one for setting in FIXED if setting != "telnet_open" for one in fixed(setting, 0)),
    ]
    assert Watch().feed(twins).at(60).reported == []


def test_the_end_reports_what_waits() -> None:
    """Pending recommendations are opened at the end of a short capture."""
    watch = Watch().feed([telnet(0)])
    watch.advisor.finish(START + SECOND)
    watch.advisor.finish(START + SECOND)
    assert [(action, at) for action, _, at, _ in watch.reported] == [("open", 1)]


def test_it_is_bounded() -> None:
    """A thousand hosts in a table of eight: the last ones are reported, the evicted ones are counted."""
    watch = Watch(World(), cases=8)
    watch.feed([telnet(n / 100, server=f"10.0.{n // 250}.{n % 250 + 1}") for n in range(1000)]).at(100)
    assert len(watch.reported) == 8
    assert watch.advisor.cases._cases.evicted == 992


def test_what_made_room_and_comes_again_is_no_news() -> None:
    """Twelve hosts in a table of eight are opened once each, although they are evicted and return."""
    watch = Watch(World(), cases=8)
    for minute in range(0, 1430, 10):
        watch.feed(
            [
                telnet(60 * minute + n, server=f"10.0.0.{n + 1}")
                for n in range(minute % 20 * 4 // 10, 8 + minute % 20 * 4 // 10)
            ]
        ).at(60 * minute + 120)
    assert watch.actions == ["open"] * 12
    assert len({reported.key for _, reported, _, _ in watch.reported}) == 12


def test_a_clock_that_jumps_back_holds_nothing_up() -> None:
    """Pending recommendations are opened although the time goes back."""
    watch = Watch().feed([telnet(DAY)]).at(3)
    assert watch.actions == ["open"]
    assert watch.feed([telnet(4)]).at(DAY).actions == ["open"]


def test_a_server_behind_a_relay_is_reported_by_its_own_address() -> None:
    """The packet has the MAC of the relay, which does not identify the server."""
    packet = ends(0, 67, answer=True, server="10.0.0.1")
    relayed = DhcpOffer(packet, 2, 1, 0x020000000001, 0, parse("10.0.0.77"), 0, parse("10.0.5.9"), parse("10.0.0.1"))
    [(_, reported, _, _)] = Watch(World()).feed([relayed]).at(60).reported
    assert (reported.setting, reported.subject.address, reported.subject.mac) == ("dhcp_server", parse("10.0.5.9"), 0)
    assert (
        Watch().feed([DhcpAck(packet, 5, 1, 0x020000000001)]).at(60).reported == []
    )  # no lease: only options were requested


def test_what_the_operator_named_needs_no_advice(golden: Golden) -> None:
    """A recommendation that the operator accepts is closed at the next round."""
    watch = Watch().feed([lease(0)]).at(1).at(60)
    assert watch.of("dhcp_server") == ["open"]
    watch.advisor.settled = frozenset(("dhcp_server",))
    watch.feed([lease(HOUR)]).at(HOUR + 2)
    assert watch.of("dhcp_server") == ["open", "close"]
    golden(watch.reported[-1][3])
    assert watch.feed([lease(HOUR + 3)]).at(2 * HOUR).of("dhcp_server") == ["open", "close"]


def test_a_nonce_that_comes_again_is_weak(golden: Golden) -> None:
    """A nonce that repeats in other calls a minute later is weak; time-based nonces are equal for concurrent requests,
    and a phone may be challenged twice.
    """
    requested = [challenge(0), challenge(10, call="other"), challenge(70)]
    assert Watch().feed(requested).at(200).of("sip_weak") == []
    [(_, reported, _, _)] = Watch().feed([*requested, challenge(70, call="third")]).at(200).reported
    assert reported.setting == "sip_weak"
    golden(reported.seen.rpartition(": ")[2])


@pytest.mark.parametrize(
    ("event", "settings"),
    [
        (challenge(0, realm="asterisk"), ["sip_weak"]),
        (challenge(0, qop=False), ["sip_weak"]),
        (challenge(0, "basic"), ["sip_basic"]),
        (challenge(0, "ntlm"), []),
        (challenge(0), []),
    ],
)
def test_how_passwords_are_requested(event: Event, settings: list[str]) -> None:
    """A default realm, a missing qop and Basic authentication are insecure; other schemes are ignored."""
    assert [reported.setting for _, reported, _, _ in Watch().feed([event]).at(60).reported] == settings
