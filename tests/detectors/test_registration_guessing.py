"""Password guessing for SIP accounts."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from tests.detectors.login_stories import CLIENT, register
from tests.detectors.stories import detector, inspected, one

GUESS = "voice.registration_guessing"


def test_many_refused_proofs_are_guessing() -> None:
    """Many rejected credentials for one extension within a minute raise an alert."""
    alert = one(inspected(detector(GUESS), [each for n in range(20) for each in register(n)]))
    assert (alert.actor.address, alert.numbers["failures"], alert.numbers["extensions"]) == (parse(CLIENT), 8, 1)
    assert {one.technique for one in alert.techniques} == {"T1110.001", "T1110"}


def test_several_extensions_and_slow_guessing() -> None:
    """One wrong password for each of five extensions, or one every half minute for an hour, raises an alert."""
    assert one(
        inspected(detector(GUESS), [each for n in range(6) for each in register(n * 90, str(100 + n), status=403)])
    )
    assert one(inspected(detector(GUESS), [each for n in range(60) for each in register(n * 30)]))


def test_benign_twins_are_quiet() -> None:
    """First challenges, successful registrations, a phone with a wrong password, and a busy PBX raise no alert."""
    story = []
    for n in range(100):
        story += (
            register(n * 30, str(n), credentials=False)
            + register(n * 30 + 0.1, str(n), status=200)
            + register(n * 30 + 0.2, status=503)
        )
        story += register(n * 120, "77", client="10.0.0.7")
    assert inspected(detector(GUESS), story) == []


def test_old_challenges_are_no_guesses() -> None:
    """Twenty phones behind one address that first use a stale nonce raise no alert."""
    branch = [
        each
        for n in range(400)
        for each in (*register(n * 6, str(n % 20)), *register(n * 6 + 0.1, str(n % 20), status=200))
    ]
    assert inspected(detector(GUESS), branch) == []
    guesser = [each for n in range(6) for each in register(3000 + n * 90, str(200 + n))]
    alert = one(inspected(detector(GUESS), [*branch, *guesser]))
    assert alert.numbers["extensions"] == 5
    assert "200@" in alert.why[1]


def test_stale_nonces_are_no_refusals() -> None:
    """A server that replaces the nonce of each request (RFC 7616, 3.3) did not judge the password, even if no login
    with the new nonce succeeds: calls to busy lines. Refusals in between count.
    """
    calls = [
        each
        for n in range(60)
        for each in (*register(n * 2, str(n), stale=True), *register(n * 2 + 0.1, str(n), status=486))
    ]
    assert inspected(detector(GUESS), calls) == []
    refused = [each for n in range(60) for each in (*register(n * 2, stale=True), *register(n * 2 + 0.1))]
    assert one(inspected(detector(GUESS), refused)).numbers["failures"] == 8


def test_requests_without_answers() -> None:
    """In a one-way capture, repeated requests for one extension raise an alert; phones behind one address, and a server
    that does not answer for a while, do not.
    """
    alert = one(inspected(detector(GUESS), [register(n)[0] for n in range(20)]))
    assert (alert.numbers["failures"], alert.confidence, alert.actor.address) == (8, 0.7, parse(CLIENT))
    branch = [register(n / 2, str(n % 60))[0] for n in range(1200)]
    assert inspected(detector(GUESS), branch) == []
    outage = [*register(0, status=200), *(register(n)[0] for n in range(1, 20))]
    assert inspected(detector(GUESS), outage) == []


def test_refusals_without_requests() -> None:
    """If no request is captured, many refusals of one extension raise an alert of medium severity. Phones behind one
    address, each of which is first challenged and then accepted, a phone with a wrong password, and a PBX whose
    requests are captured do not.
    """
    alert = one(inspected(detector(GUESS), [register(n)[1] for n in range(30)]))
    assert (alert.numbers["failures"], alert.severity, alert.actor.address) == (8, Severity.medium, parse(CLIENT))
    branch = [
        register(minute * 60 + n / 50, str(n), status=status)[1]
        for minute in range(10)
        for status in (401, 200)
        for n in range(60)
    ]
    assert inspected(detector(GUESS), branch) == []
    assert inspected(detector(GUESS), [register(n * 30 + late)[1] for n in range(60) for late in (0, 0.1)]) == []
    polled = [each for n in range(60) for each in register(n, credentials=False)]
    assert inspected(detector(GUESS), polled) == []


def test_repetition_is_reported_once_a_window() -> None:
    """A long password list is one alert."""
    found = inspected(detector(GUESS), [each for n in range(600) for each in register(n / 10)])
    assert len(found) == 1
