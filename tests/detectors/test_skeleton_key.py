"""Skeleton keys on KDCs."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.kerberos import KerberosError
from tests.detectors.kerberos_stories import CENTRE, RC4, REALM, TGT, login
from tests.detectors.stories import detector, inspected, one

SKELETON = "lateral_movement.skeleton_key"
USERS = ("anna", "bob", "carl")


def learned() -> list[Event]:
    """Three accounts with AES."""
    return [each for n, user in enumerate(USERS) for each in login(n, user)]


def lowered(at: float, user: str) -> list[Event]:
    """The same accounts without AES: the KDC requires and grants RC4."""
    story = login(at, user, etype=RC4)
    story[1] = KerberosError(story[1].packet, 25, "", REALM, TGT, (RC4,))
    return story


def test_several_accounts_that_lose_aes_are_reported() -> None:
    """The KDC is the actor, the clients are targets."""
    alert = one(inspected(detector(SKELETON), [*learned(), *lowered(100, "anna"), *lowered(101, "bob")]))
    assert (alert.actor.address, alert.severity, alert.techniques[0].technique) == (
        parse(CENTRE),
        Severity.critical,
        "T1556.001",
    )
    assert (alert.numbers["accounts"], alert.why[0].rpartition(": ")[2]) == (2, "anna, bob")


def test_a_cipher_that_is_refused_counts() -> None:
    """A KDC error that no encryption type of the client is supported counts."""
    story = learned()
    for n, user in enumerate(USERS[:2]):
        requested = login(100 + n, user)[0]
        story += [requested, KerberosError(login(100 + n, user)[1].packet, 14, "", REALM, TGT, ())]
    assert one(inspected(detector(SKELETON), story))


def test_benign_twins_are_quiet() -> None:
    """Accounts that never had AES, one reset password, clients that offer only RC4, and a rejected password raise no
    alert.
    """
    story = [*learned(), *lowered(100, "old1"), *lowered(101, "old2"), *lowered(102, "old3")]
    for n in range(20):
        story += [*lowered(200 + n * 10, "anna"), *login(205 + n * 10, "bob")]
    story += [each for n, user in enumerate(USERS) for each in login(500 + n, user, etypes=(RC4,), etype=RC4)]
    story += [each for n, user in enumerate(USERS) for each in login(600 + n, user, refused=24)]
    assert inspected(detector(SKELETON), story) == []


def test_repetition_is_reported_once_a_day() -> None:
    """All logins of a day are one alert."""
    story = [*learned(), *(each for n in range(300) for each in lowered(100 + n, USERS[n % 3]))]
    assert len(inspected(detector(SKELETON), story)) == 1
