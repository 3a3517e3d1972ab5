"""A successful login after many failures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.ftp import FtpEntered, FtpPassword
from tests.detectors.kerberos_stories import login
from tests.detectors.login_stories import form, ftp, smb, ssh, telnet, web
from tests.detectors.stories import SECOND, START, detector, inspected, one
from tests.golden import Golden

GUESSED = "credential_access.guessed_password"


def test_a_success_after_many_failures_is_reported(golden: Golden) -> None:
    """A success raises an alert whatever the accounts before, at a service with few users."""
    [alert] = inspected(detector(GUESSED), [*(ftp(n, f"user{n}") for n in range(12)), ftp(20, "root", accepted=True)])
    assert (alert.severity, alert.numbers["failures"]) == (Severity.high, 12)
    golden(alert.summary, "after 12")


@pytest.mark.parametrize("login", [ssh, telnet])
def test_shells_report_as_well(login: Callable[..., Event]) -> None:
    """SSH sessions count by outcome or by packet sizes, once for each success; a few mistyped passwords are no
    guessing.
    """
    story = [*(login(n) for n in range(20)), *(login(30 + n, accepted=True) for n in range(5))]
    assert one(inspected(detector(GUESSED), story)).numbers["failures"] == 20
    assert (
        inspected(
            detector(GUESSED),
            [
                *(login(n) for n in range(6)),
                login(10, accepted=True),
                *(login(20 + n, accepted=True) for n in range(50)),
            ],
        )
        == []
    )


def client_only(at: float, *, entered: bool = False, word: str = "") -> Event:
    ends = {"src": parse("10.0.0.66"), "dst": parse("10.0.0.5"), "sport": 40000, "dport": 21}
    packet = Packet(ts=START + int(at * SECOND), proto=6, problem=Problem.ONE_SIDED, **ends)
    return (FtpEntered if entered else FtpPassword)(packet, "admin", word or f"seal {at}")


def test_only_the_client_s_packets() -> None:
    """Passwords one after the other, then commands that need a login: severity is one step lower. A user who logs in
    with the same password each time, or at the third try, raises no alert.
    """
    alert = one(inspected(detector(GUESSED), [*(client_only(n) for n in range(12)), client_only(12, entered=True)]))
    assert (alert.severity, alert.numbers["failures"]) == (Severity.medium, 11)
    same = [client_only(n, entered=bool(n % 2), word="same") for n in range(40)]
    third = [*(client_only(n) for n in range(3)), client_only(3, entered=True)]
    assert inspected(detector(GUESSED), same) == inspected(detector(GUESSED), third) == []


def test_at_a_directory_the_account_counts() -> None:
    """At a directory only failures of the same account count."""
    assert one(inspected(detector(GUESSED), [*(smb(n, "anna") for n in range(9)), smb(20, "anna", status=0)]))
    assert inspected(detector(GUESSED), [*(smb(n, f"user{n}") for n in range(20)), smb(30, "anna", status=0)]) == []


def test_benign_twins_are_quiet() -> None:
    """A few mistyped passwords, failures long ago, forms with unknown outcome, and usual logins raise no alert."""
    story = [
        *(ftp(n) for n in range(4)),
        ftp(5, accepted=True),
        *(ftp(10 + n) for n in range(7)),
        ftp(3000, accepted=True),
    ]
    story += [*(form(4000 + n) for n in range(50)), *web(5000, status=200), *login(6000), *login(6001, "bob")]
    assert inspected(detector(GUESSED), story) == []


def test_a_slip_before_each_success_is_no_guessing() -> None:
    """A program that always tries an old password first raises no alert; own successes do not hide guessed passwords of
    other accounts.
    """
    slips = [each for n in range(40) for each in (ftp(10 * n), ftp(10 * n + 1, accepted=True))]
    assert inspected(detector(GUESSED), slips) == []
    hidden = [each for n in range(10) for each in (ftp(2 * n, "root"), ftp(2 * n + 1, "peter", accepted=True))]
    assert one(inspected(detector(GUESSED), [*hidden, ftp(30, "root", accepted=True)])).numbers["failures"] == 8


def test_repetition_starts_again() -> None:
    """Further logins after the success are not reported again."""
    story = [*(ftp(n) for n in range(9)), *(ftp(10 + n, accepted=True) for n in range(20))]
    assert len(inspected(detector(GUESSED), story)) == 1
