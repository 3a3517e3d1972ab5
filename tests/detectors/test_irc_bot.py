"""IRC bots: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.irc import IrcLogin, IrcOrder
from tests.detectors.stories import START, World, detector, device, inspected, one

BOT = "command_and_control.irc_bot"
CLIENT, SERVER = "10.0.0.66", "203.0.113.66"


def packet(at: float = 0, *, answer: bool = False) -> Packet:
    ends, ports = ((SERVER, CLIENT), (6667, 50000)) if answer else ((CLIENT, SERVER), (50000, 6667))
    src, dst = map(parse, ends)
    return Packet(
        ts=START + int(at * SECOND), src=src, dst=dst, sport=ports[0], dport=ports[1], proto=6, direction=int(answer)
    )


def login(nick: str) -> Event:
    return IrcLogin(packet(), nick)


def order(text: str, *, at: float = 0, mine: bool = False) -> Event:
    return IrcOrder(packet(at, answer=not mine), "#crew", text.split(maxsplit=1)[0], text, mine)


@pytest.mark.parametrize(
    "event",
    [
        login("[DEU|XP]48151623"),
        login("{US-W7}kqzxbv"),
        login("USA|XP|00482"),
        order(".advscan asn1smb 100 5 0 -b"),
        order("!udp 198.51.100.7 80 60"),
        order(".ddos.syn 198.51.100.7 80 100"),
        order("!download http://198.51.100.7/a.exe"),
        order("[SCAN]: Random Port Scan started", mine=True),
    ],
)
def test_signs_of_a_bot(event: Event) -> None:
    """The internal host is the actor, whichever side sends the message."""
    [alert] = inspected(detector(BOT), [event])
    assert alert.target is not None
    assert (alert.actor.address, alert.target.address, alert.target_port) == (parse(CLIENT), parse(SERVER), 6667)
    assert (alert.severity, alert.techniques[0].technique) == (Severity.high, "T1071")


def test_a_camera_does_not_chat() -> None:
    """IRC by a camera raises an alert, with any nickname."""
    assert one(inspected(detector(BOT, World(device("camera", CLIENT))), [login("anna")]))


@pytest.mark.parametrize(
    "event",
    [
        login("anna"),
        login("ben_42"),
        login("Guest48151"),
        login("NickServ"),
        order("!help"),
        order(".seen anna"),
        order("[link] a recipe"),
        order("!udp 1.2.3.4 80", mine=True),
    ],
)
def test_benign_twins_are_quiet(event: Event) -> None:
    """Nicknames and commands of users, and commands that the host itself sends, raise no alert."""
    assert inspected(detector(BOT), [event]) == []


def test_repetition_is_one_finding() -> None:
    """Repeated commands are one alert."""
    assert one(inspected(detector(BOT), [order("!udp 198.51.100.7 80 60", at=n) for n in range(20)]))
