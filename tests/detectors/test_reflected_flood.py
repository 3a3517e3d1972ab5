"""Reflected floods: answers without a request."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.flow import CHANGE, Change, Reason
from sensor.core.time_units import SECOND
from tests.detectors.stories import PING, START, TCP, UDP, Story, alerts_of, detector, lit, one, raised
from tests.golden import Golden

REFLECTED = "impact.reflected_flood"


def unsolicited(
    count: int,
    port: int,
    *,
    proto: int = UDP,
    victim_port: int = 4444,
    size: int = 500,
    kind: int = Change.ANSWERED,
    **more: int,
) -> npt.NDArray[np.void]:
    """Flows of as many external servers that begin with an answer."""
    changes = np.zeros(count, CHANGE)
    changes["ts"] = changes["first"] = START + SECOND + np.arange(count) * (SECOND // 1000)
    changes["client_lo"] = parse("10.0.0.10")
    changes["server_lo"] = np.uint64(parse("198.18.0.1")) + np.arange(count, dtype=np.uint64)
    changes["client_port"], changes["server_port"], changes["proto"], changes["kind"] = victim_port, port, proto, kind
    changes["server_packets"], changes["server_bytes"] = 1, size
    for name, value in more.items():
        changes[name] = value
    return changes


def test_amplified_answers() -> None:
    """Answers of thirty servers without a request are one alert about the victim, reported again when it grows."""
    found = alerts_of(detector(REFLECTED), unsolicited(4000, 161), 100)
    alert = one(found)
    assert (alert.numbers["servers"], alert.numbers["threshold"]) == (30, 30)
    assert alert.target is not None
    assert alert.target.address == parse("10.0.0.10")
    assert alert.techniques[0].technique == "T1498.002"
    assert alert.key == "impact.reflected_flood|10.0.0.10|udp/161"
    desk = AlertAggregator()
    assert [action for each in found for action, _ in desk.take(each)].count("open") == 1


def test_dns_answers_to_a_well_known_port() -> None:
    """A resolver seems to be the client of a victim's port 80; the size of its answers is known when the flow ends.
    Small answers, answered flows and peers inside are none.
    """

    def ended(size: int, *, packets: int = 1, back: int = 0, sender: str = "198.18.0.1") -> npt.NDArray[np.void]:
        changes = unsolicited(100, 80, victim_port=53, kind=Change.ENDED, client_packets=packets, client_bytes=size)
        changes["client_lo"] = np.uint64(parse(sender)) + np.arange(100, dtype=np.uint64)
        changes["server_lo"], changes["server_packets"], changes["server_bytes"] = parse("10.0.0.10"), back, 60 * back
        return changes

    for size in (1 << 30, 7):
        alert = alerts_of(detector(REFLECTED), ended(1400), size)[0]
        assert (alert.target and alert.target.address, alert.actor_port, alert.severity) == (
            parse("10.0.0.10"), 53, Severity.high,
        )  # fmt: skip
        assert (alert.numbers["service"], alert.numbers["servers"]) == ("udp/53", 30)
    for story in (ended(200), ended(1400, packets=9), ended(1400, back=1), ended(1400, sender="10.0.1.1")):
        assert alerts_of(detector(REFLECTED), story) == []


def test_answers_to_the_port_of_an_amplifier() -> None:
    """Answers from a port that no client uses count, whatever port of the victim; those of peers, which share one port,
    and queries from a client's port do not.
    """

    def turned(port: int, victim_port: int) -> npt.NDArray[np.void]:
        changes = unsolicited(100, victim_port, victim_port=port, kind=Change.NEW, server_packets=0, server_bytes=0)
        changes["client_lo"] = np.uint64(parse("198.18.0.1")) + np.arange(100, dtype=np.uint64)
        changes["server_lo"] = parse("10.0.0.10")
        return changes

    assert alerts_of(detector(REFLECTED), turned(123, 53))[0].numbers["service"] == "udp/123"
    for port, victim_port in ((123, 123), (500, 500), (27015, 53), (1900, 53)):
        assert alerts_of(detector(REFLECTED), turned(port, victim_port)) == []


def test_answers_of_few_servers() -> None:
    """Hundreds of answers of five servers to as many ports are an attack; to a few ports, or where the capture does not
    show the queries to a resolver, they are none.
    """

    def answers(port: int, ports: int, size: int = 1400) -> npt.NDArray[np.void]:
        changes = unsolicited(700, port, size=size)
        changes["server_lo"] = parse("198.18.0.1") + np.arange(700) % 5
        changes["client_port"] = 20000 + np.arange(700)
        return changes[:ports]

    alert = one(alerts_of(detector(REFLECTED), answers(11211, 700)))
    assert (alert.numbers["answers"], alert.severity, alert.target and alert.target.address) == (
        500,
        Severity.high,
        parse("10.0.0.10"),
    )
    assert alerts_of(detector(REFLECTED), answers(11211, 400)) == []
    assert alerts_of(detector(REFLECTED), answers(53, 700)) == []
    shown = lit(Story()).changes()
    assert one(alerts_of(detector(REFLECTED), np.concatenate((shown, answers(53, 700))))).numbers["answers"] == 500


def test_it_does_not_depend_on_how_changes_are_cut() -> None:
    """The alerts do not depend on the batch size."""
    changes = unsolicited(200, 123)
    whole = [alert.summary for alert in alerts_of(detector(REFLECTED), changes)]
    assert [alert.summary for alert in alerts_of(detector(REFLECTED), changes, 7)] == whole


def test_a_server_on_a_high_port_seems_to_be_the_client() -> None:
    """An SSDP answer from port 1900 opens the flow, so that the server appears as its client."""
    story = Story()
    for n in range(40):
        story.flow(1 + n * 0.01, f"198.18.0.{n + 1}", "10.0.0.10", 4444, proto=UDP, sport=1900)
    alert = one(raised(REFLECTED, story))
    assert alert.target is not None
    assert (alert.target.address, alert.numbers["service"]) == (parse("10.0.0.10"), "udp/1900")
    story = Story()
    for n in range(40):
        story.flow(1 + n * 0.01, f"198.18.0.{n + 1}", "10.0.0.10", 80, proto=UDP, sport=500)
    assert one(raised(REFLECTED, story)).numbers["service"] == "udp/500"


def test_answers_to_pings_that_were_never_sent(golden: Golden) -> None:
    """The victim of a Smurf attack receives echo replies without requests."""
    golden(one(alerts_of(detector(REFLECTED), unsolicited(20, 8, proto=PING, victim_port=8))).summary, "from 15")


def test_answers_to_pings_of_a_monitoring_system() -> None:
    """In a capture of one direction, echo replies of internal hosts may have been requested; of external ones, or in a
    capture of both directions, they were not.
    """
    replies = unsolicited(20, 8, proto=PING, victim_port=8)
    assert one(alerts_of(detector(REFLECTED), replies)).severity == Severity.high
    replies["server_lo"] = np.uint64(parse("10.0.1.1")) + np.arange(20, dtype=np.uint64)
    assert one(alerts_of(detector(REFLECTED), replies)).severity == Severity.low
    both = lit(Story()).changes()
    replies["ts"] += 60 * SECOND
    for size in (1, 1000):
        assert one(alerts_of(detector(REFLECTED), np.concatenate([both, replies]), size)).severity == Severity.high


def test_handshakes_that_no_host_began() -> None:
    """SYN-ACKs of many servers, or repeated ones of one, to a port that clients do not use raise an alert."""
    assert (
        one(alerts_of(detector(REFLECTED), unsolicited(6, 21, proto=TCP, victim_port=21, size=60))).numbers["servers"]
        == 5
    )
    again = unsolicited(
        1, 21, proto=TCP, victim_port=21, size=2400, kind=Change.ENDED, server_packets=40, reason=Reason.IDLE
    )
    assert one(alerts_of(detector(REFLECTED), again)).numbers["answers"] == 40


@pytest.mark.parametrize("size", [60, 94, 128])
def test_larger_frames_without_data(size: int) -> None:
    """IPv6 and tunnels make the frames of a handshake larger; those with data raise no alert."""
    found = alerts_of(detector(REFLECTED), unsolicited(6, 21, proto=TCP, victim_port=21, size=size))
    assert one(found).numbers["servers"] == 5
    assert alerts_of(detector(REFLECTED), unsolicited(40, 21, proto=TCP, victim_port=21, size=160)) == []


@pytest.mark.parametrize(("shown", "severity"), [(True, Severity.high), (False, Severity.low)])
def test_handshakes_after_which_nothing_comes(shown: bool, severity: Severity) -> None:
    """SYN-ACKs of many servers to ephemeral ports raise an alert: certain in a two-way capture, low in a one-way
    capture.
    """
    before = lit(Story()).changes() if shown else np.zeros(0, CHANGE)
    ends = unsolicited(
        150, 443, proto=TCP, victim_port=51515, size=180, kind=Change.ENDED, server_packets=3, reason=Reason.IDLE
    )
    found = one(alerts_of(detector(REFLECTED), np.concatenate((before, ends))))
    assert (found.numbers["servers"], found.severity, found.numbers["service"]) == (100, severity, "tcp")
    pages = unsolicited(
        150, 443, proto=TCP, victim_port=51515, size=9000, kind=Change.ENDED, server_packets=9, reason=Reason.IDLE
    )
    assert alerts_of(detector(REFLECTED), np.concatenate((before, pages))) == []


@pytest.mark.parametrize(("shown", "severity"), [(True, Severity.high), (False, Severity.low)])
def test_handshakes_of_few_servers(shown: bool, severity: Severity) -> None:
    """Hundreds of SYN-ACKs of five servers to as many ports are one alert about the victim; fewer, those of internal
    servers, and connections with content are none.
    """

    def ends(server: str = "198.18.0.1", size: int = 60) -> npt.NDArray[np.void]:
        changes = unsolicited(700, 443, proto=TCP, size=size, kind=Change.ENDED, reason=Reason.IDLE)
        changes["server_lo"] = parse(server) + np.arange(700) % 5
        changes["client_port"] = 20000 + np.arange(700)
        return np.concatenate((lit(Story()).changes() if shown else np.zeros(0, CHANGE), changes))

    found = one(alerts_of(detector(REFLECTED), ends()))
    assert (found.numbers["answers"], found.numbers["service"], found.severity) == (500, "tcp/443", severity)
    assert found.target is not None
    assert found.target.address == parse("10.0.0.10")
    for story in (ends()[:400], ends("10.0.1.1"), ends(size=4000)):
        assert alerts_of(detector(REFLECTED), story) == []


def test_a_peer_on_the_port_of_a_service_is_no_server() -> None:
    """File sharing peers that connect from their listening port raise no alert."""
    story = Story()
    for n in range(60):
        story.flow(1 + n * 0.01, f"198.18.0.{n + 1}", "10.0.0.10", 51413, proto=UDP, sport=6881)
    assert raised(REFLECTED, story) == []


def test_benign_twins_are_quiet() -> None:
    """A one-way capture of a resolver, a browser with answers, internal devices that answer a search, and a client with
    a low port raise no alert.
    """
    assert alerts_of(detector(REFLECTED), unsolicited(400, 53, size=180)) == []
    assert alerts_of(detector(REFLECTED), unsolicited(400, 443, proto=TCP, size=60)) == []
    assert alerts_of(detector(REFLECTED), unsolicited(40, 22, proto=TCP, victim_port=900, size=60)) == []
    requested, search = lit(Story()), Story()
    for n in range(200):
        requested.flow(1 + n * 0.01, "10.0.0.10", f"198.18.0.{n + 1}", 123, proto=UDP, answered=True)
        search.flow(1 + n * 0.01, f"10.0.1.{n + 1}", "10.0.0.10", 4444, proto=UDP, sport=1900)
    assert raised(REFLECTED, requested) == []
    assert raised(REFLECTED, search) == []
