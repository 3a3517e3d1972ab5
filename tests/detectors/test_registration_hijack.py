"""SIP registration hijacking: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.sip import SipRequest, SipResponse, SipUnregistration
from tests.detectors.login_stories import ends
from tests.detectors.stories import World, detector, device, inspected

HIJACK = "voice.registration_hijack"
PBX, PHONE, ATTACKER = "10.0.5.4", "10.0.5.20", "10.0.5.99"
ACCOUNT, HOUR = "202@10.0.5.4", 3600.0
_PROGRAMS = {PHONE: "PolycomVVX-VVX_411-UA/5.9.5", ATTACKER: "Zoiper rv2.10"}


def register(
    at: float,
    client: str = PHONE,
    *,
    removes: bool = False,
    status: int = 200,
    program: str = "",
    account: str = ACCOUNT,
) -> list[Event]:
    """A registration, or the removal of all contacts, and the response."""
    asks, answers = (ends(at, 5060, answer=answer, client=client, server=PBX) for answer in (False, True))
    call, number, agent = f"{client}-{at}", 1, program or _PROGRAMS.get(client, "")
    story: list[Event] = [
        SipRequest(asks, "REGISTER", f"sip:{PBX}", account, account, call, number, agent, True),
        SipResponse(answers, status, "x", "REGISTER", account, account, call, number, "Asterisk", status == 401),
    ]
    if removes:
        story.insert(1, SipUnregistration(asks, account, call, number))
    return story


def phone(hours: int = 2) -> list[Event]:
    return [each for n in range(hours * 12) for each in register(n * 300)]


def test_a_host_takes_the_registration_of_a_phone() -> None:
    """The removal of the registration of a phone by another host is an alert, also if it registers itself first."""
    removal, own = register(7000, ATTACKER, removes=True), register(7001, ATTACKER)
    for attack in ([*removal, *own], [*register(6990, ATTACKER), *removal, *own]):
        [alert] = inspected(detector(HIJACK), [*phone(), *attack])
        assert (alert.actor.address, alert.target.address if alert.target else 0) == (parse(ATTACKER), parse(PHONE))
        assert (alert.severity, alert.numbers["account"], alert.numbers["silent_s"]) == (Severity.high, ACCOUNT, 100)


def test_phones_that_restart_are_quiet() -> None:
    """A phone that removes its own contacts at every start, also with a new address, raises no alert."""
    restarts = [each for n in range(9) for each in (*register(7000 + n * 60, removes=True), *register(7001 + n * 60))]
    assert inspected(detector(HIJACK), [*phone(), *restarts]) == []
    moved = device("voip_phone", PHONE)
    world = World(moved)
    world.devices[parse("10.0.5.21")] = moved
    again = [*register(7000, "10.0.5.21", removes=True), *register(7001, "10.0.5.21")]
    assert inspected(detector(HIJACK, world), [*phone(), *again]) == []


def test_two_phones_of_an_account_are_quiet() -> None:
    """A second phone that has registered for an hour, one that only adds its contact, one of another account, one that
    the server rejects, and one that follows a phone that is gone for a day raise no alert.
    """
    second = [each for n in range(20) for each in register(10 + n * 300, ATTACKER)]
    both = sorted([*phone(), *second], key=lambda event: event.ts)
    assert inspected(detector(HIJACK), [*both, *register(7100, ATTACKER, removes=True)]) == []
    assert inspected(detector(HIJACK), [*phone(), *register(7000, ATTACKER)]) == []
    assert inspected(detector(HIJACK), [*phone(), *register(7000, ATTACKER, removes=True, account="203@x")]) == []
    assert inspected(detector(HIJACK), [*phone(), *register(7000, ATTACKER, removes=True, status=403)]) == []
    late = [*register(33 * HOUR, ATTACKER, removes=True), *register(33 * HOUR + 1, ATTACKER)]
    assert inspected(detector(HIJACK), [*phone(), *late]) == []


def test_proxies_are_quiet() -> None:
    """Phones that register through another proxy than before, after the first one failed, raise no alert."""
    first = [each for n in range(8) for each in register(n, PHONE, account=f"20{n}@x")]
    second = [
        each
        for n in range(8)
        for removes in (True, False)
        for each in register(90 + n + (not removes) / 2, ATTACKER, account=f"20{n}@x", removes=removes)
    ]
    assert inspected(detector(HIJACK), [*first, *second]) == []


def test_the_same_program_on_another_host_is_low() -> None:
    """A softphone that moved to another computer, or a second phone of the same model, is low."""
    removal = register(7000, ATTACKER, removes=True, program=_PROGRAMS[PHONE])
    [alert] = inspected(detector(HIJACK), [*phone(), *removal])
    assert alert.severity == Severity.low


def test_repetition_has_one_key() -> None:
    """An attack on one account that goes on for minutes has one key, that of another account another one."""
    rounds = [each for n in range(20) for each in register(7000 + n * 10, ATTACKER, removes=True)]
    found = inspected(detector(HIJACK), [*phone(), *rounds])
    assert len({alert.key for alert in found}) == 1
    other = [*register(1, account="203@x"), *register(7300, ATTACKER, removes=True, account="203@x")]
    both = [*phone(), *other[:2], *rounds, *other[2:]]
    assert len({alert.key for alert in inspected(detector(HIJACK), both)}) == 2
