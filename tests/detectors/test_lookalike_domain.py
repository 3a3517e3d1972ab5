"""Lookalike domains: the attack, similar benign names, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.detectors.shared.lookalikes import BRANDS, LONG, imitated
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.tls import TlsClientHello
from tests.detectors.stories import START, World, detector, device, inspected, one

LOOK = "command_and_control.lookalike_domain"
NEAR = "10.0.0.66"


def packet(at: float) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(NEAR), dst=parse("10.0.0.1"), sport=40000, dport=53)


def queried(name: str, at: float = 0) -> Event:
    return DnsQuery(packet(at), 1, name, 1, 0, True)


@pytest.mark.parametrize(
    ("name", "meant", "how"),
    [
        ("drivers-updaet.info", "drivers-update", "one letter differs"),
        ("www.micosoft.com", "microsoft", "one letter differs"),
        ("login.facebbook.net", "facebook", "one letter differs"),
        ("windwos-security.org", "windows-security", "one letter differs"),
        ("g00gle.com", "google", "a digit replaces a letter"),
        ("paypa1-support.com", "paypal", "a digit replaces a letter"),
    ],
)
def test_imitations(name: str, meant: str, how: str) -> None:
    alert = one(inspected(detector(LOOK), [queried(name)]))
    assert (alert.actor.address, alert.severity, alert.numbers["imitates"], alert.techniques[0].technique) == (
        parse(NEAR),
        Severity.low,
        meant,
        "T1071.004",
    )
    assert how in alert.why[0]


@pytest.mark.parametrize("brand", sorted(brand for brand in BRANDS if len(brand) >= LONG))
def test_each_position(brand: str) -> None:
    """A letter that is missing, doubled, replaced or swapped anywhere before the last two is noticed."""
    for at in range(len(brand) - 2):
        before, after = brand[:at], brand[at + 1 :]
        swapped = before + after[0] + brand[at] + after[1:]
        for label in (before + after, before + "q" + after, before + "q" + brand[at:], swapped):
            assert label == brand or imitated(label)[0] == brand


def test_letters_of_another_alphabet_are_no_mistake() -> None:
    """Cyrillic letters in a brand's name are medium, and so is a mistyped name of a fixed-function device."""
    label = "xn--" + "gоogle".encode("punycode").decode("ascii")
    hello = TlsClientHello(packet(0), f"{label}.com", (), "TLS 1.3", "", "", (), False)
    alert = one(inspected(detector(LOOK), [hello]))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1071.001")
    assert (
        one(inspected(detector(LOOK, World(device("camera", NEAR))), [queried("micosoft.com")])).severity
        == Severity.medium
    )


@pytest.mark.parametrize(
    "name",
    [
        "www.microsoft.com", "google-analytics.com", "windows-update.net", "driver-services.de", "twister.com",
        "goggle.com", "amazing.com", "offices.com", "update.example.com", "micosoft.example.com",
        "security-services.co.uk", "window-cleaning.com", "appstore.com", "3m.com", "localhost", "", "com",
        "xn--mnchen-3ya.de", "xn--\x80.de", "support.apple", "cloud-office.de", "twitters.com", "telegra.ph",
        "cloudflared.com", "facebook2.com",
    ],
)  # fmt: skip
def test_ordinary_names_are_quiet(name: str) -> None:
    """The brands' own names, other words, plurals, names below other domains, and other languages raise no alert."""
    assert inspected(detector(LOOK), [queried(name)]) == []


def test_what_is_allowed_is_quiet() -> None:
    assert inspected(detector(LOOK, allowed=("micosoft.com",)), [queried("www.micosoft.com")]) == []


def test_repetition_is_one_finding_a_day() -> None:
    found = inspected(detector(LOOK), [queried("micosoft.com", n * 3600) for n in range(30)])
    assert len(found) == 2
    assert one(found)
