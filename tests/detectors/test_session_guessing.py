"""Password guessing by the packet sizes of encrypted sessions."""

from __future__ import annotations

import numpy as np

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.flow import Change, Reason, flow_of
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.counting.changes import ChangeReader
from sensor.dissectors.ssh import SshLogin
from tests.detectors.stories import START, Story, alerts_of, detector, inspected, one

GUESS = "credential_access.session_guessing"


def reported(story: Story, reason: Reason = Reason.FINISHED, size: int = 1 << 30) -> list[Alert]:
    """The alerts for flows with a given end reason."""
    changes = story.changes()
    changes["reason"][changes["kind"] == Change.ENDED] = reason
    return alerts_of(detector(GUESS), changes, size)


def sessions(
    count: int,
    every: float,
    *,
    port: int = 22,
    packets: tuple[int, int] = (22, 15),
    ended: float = 4.0,
    servers: int = 1,
) -> Story:
    story = Story()
    for n in range(count):
        story.flow(
            n * every,
            "10.0.0.66",
            f"10.0.1.{n % servers}",
            port,
            answered=True,
            ended=ended,
            packets=packets,
            sport=40000 + n,
        )
    return story


def with_logins(story: Story, logins: dict[int, tuple[bool, ...]]) -> list[Alert]:
    """The alerts for flows of which some, by number, showed logins that were accepted (True) or rejected."""
    unit, changes = detector(GUESS), story.changes()
    changes["reason"][changes["kind"] == Change.ENDED] = Reason.FINISHED
    reader, found = ChangeReader(unit.context.networks), []
    for at in range(len(changes)):
        part = changes[at : at + 1].copy()
        uid = int(part["flow"][0])
        if part["kind"][0] == Change.ANSWERED:
            packet = Packet(flow=uid, ts=int(part["ts"][0]), sport=22)
            found += inspected(unit, [SshLogin(packet, accepted=accepted) for accepted in logins.get(uid, ())])
        for row, numbers in unit.candidates(reader.read(part)):
            found += unit.evaluate(flow_of(part[row]), numbers)
    return found


def test_accepted_logins_do_not_count() -> None:
    """A program that runs forty commands over SSH raises no alert. Ten rejected logins among them do, and so do ten
    sessions whose last password was accepted.
    """
    assert with_logins(sessions(40, 2), dict.fromkeys(range(1, 41), (True,))) == []
    mixed = with_logins(sessions(40, 2), {n: (n % 4 != 0,) for n in range(1, 41)})
    found = with_logins(sessions(10, 6), dict.fromkeys(range(1, 11), (False, False, True)))
    assert one(mixed + found)
    for alerts in (mixed, found):
        assert [(each.numbers["sessions"], each.severity) for each in alerts] == [
            (6, Severity.low), (10, Severity.medium)
        ]  # fmt: skip


def test_few_sessions_are_a_hint() -> None:
    """Six sessions with rejected logins have low severity; five, and sessions without a visible login, do not."""
    hints = with_logins(sessions(9, 6), dict.fromkeys(range(1, 10), (False,)))
    assert [(each.numbers["threshold"], each.severity) for each in hints] == [(6, Severity.low)]
    assert with_logins(sessions(5, 6), dict.fromkeys(range(1, 6), (False,))) == []
    assert reported(sessions(9, 6)) == []


def test_other_ports() -> None:
    """On a port that is not known for SSH, sessions with rejected logins count by their content; those of a program
    whose second key is accepted do not.
    """

    def logins(n: int, *results: bool) -> list[SshLogin]:
        near, far = parse("10.0.1.1"), parse("10.0.0.66")
        return [
            SshLogin(Packet(ts=START + n * 6 * SECOND, src=near, dst=far, sport=22022, dport=4000 + n, flow=n), one_)
            for one_ in results
        ]

    found = inspected(detector(GUESS), [one_ for n in range(1, 14) for one_ in logins(n, False, False, False)])
    assert one(found)
    assert [(each.numbers["sessions"], each.severity) for each in found] == [(6, Severity.low), (10, Severity.medium)]
    assert (found[0].actor.address, found[0].target_port) == (parse("10.0.0.66"), 22022)
    assert inspected(detector(GUESS), [one_ for n in range(1, 40) for one_ in logins(n, False, True)]) == []


def segmented(packets: int, frame: int) -> Story:
    """Short sessions with given numbers of packets and bytes in each direction."""
    story = sessions(14, 6)
    for _, kind, fields in story._rows:
        if kind == Change.ENDED:
            size = packets * frame
            fields.update(client_packets=packets, client_bytes=size, server_packets=packets, server_bytes=size)
    return story


def test_many_short_sessions_are_guessing() -> None:
    """Many short SSH or RDP sessions raise an alert, for any batch size."""
    for port, service in ((22, "SSH"), (3389, "RDP")):
        found = reported(sessions(14, 6, port=port))
        alert = one(found)
        assert (alert.actor.address, alert.numbers["sessions"]) == (parse("10.0.0.66"), 10)
        assert service in alert.summary
        assert [each.ts for each in reported(sessions(14, 6, port=port), size=1)] == [each.ts for each in found]


def test_tiny_segments_are_the_same_content() -> None:
    """Segments of 16 or 3 bytes do not change the result, as bytes count; interactive sessions have more bytes."""
    for packets, frame in ((180, 80), (900, 69)):
        assert one(reported(segmented(packets, frame))).numbers["sessions"] == 10
    assert reported(sessions(14, 6, packets=(180, 160))) == []
    assert reported(segmented(900, 102)) == []


def one_way(story: Story, lacking: str = "server") -> Story:
    """The same without a packet of one side."""
    for _, _, fields in story._rows:
        fields.update({"answered": int(lacking == "client"), f"{lacking}_packets": 0, f"{lacking}_bytes": 0})
    return story


def test_the_side_of_the_client() -> None:
    """A capture of the client's packets only gives a lower confidence; scans and successful sessions raise no alert."""
    for reason in (Reason.FINISHED, Reason.IDLE, Reason.STOPPED):
        alert = one(reported(one_way(sessions(14, 6)), reason))
        assert (alert.numbers["sessions"], alert.confidence) == (10, 0.5)
    assert reported(one_way(sessions(40, 2, packets=(3, 2)))) == []
    assert reported(one_way(sessions(40, 300)), Reason.IDLE) == []
    assert reported(one_way(sessions(40, 5, packets=(300, 400)))) == []
    assert reported(one_way(sessions(60, 2, servers=40))) == []


def test_the_side_of_the_server() -> None:
    """The same for a capture of the server's packets only."""
    for reason in (Reason.FINISHED, Reason.IDLE, Reason.STOPPED):
        alert = one(reported(one_way(sessions(14, 6), "client"), reason))
        assert (alert.numbers["sessions"], alert.confidence) == (10, 0.5)
    assert reported(one_way(sessions(40, 2, packets=(3, 2)), "client")) == []
    assert reported(one_way(sessions(40, 5, packets=(300, 400)), "client")) == []
    assert reported(one_way(sessions(60, 2, servers=40), "client")) == []


def lossy(story: Story, lost: set[int], reason: Reason) -> list[Alert]:
    """The alerts if the FINs of some flows were lost: they time out after all others, or the capture ends first."""
    changes = story.changes()
    ends = changes["kind"] == Change.ENDED
    changes["reason"][ends] = Reason.FINISHED
    left = ends & np.isin(changes["flow"], list(lost))
    changes["last"] = changes["ts"]
    changes["reason"][left] = reason
    changes["ts"][left] += 915 * SECOND
    return alerts_of(detector(GUESS), np.sort(changes, order="ts", kind="stable"))


def test_a_lost_fin_does_not_hide_a_session() -> None:
    """Ten sessions are guessing, although one to five of them have no end in the capture."""
    for reason in (Reason.IDLE, Reason.STOPPED):
        for lost in ({1}, {10}, {4, 7}, {2, 4, 6, 8, 9}):
            assert one(lossy(sessions(10, 6), lost, reason)).numbers["sessions"] == 10


def test_sessions_that_stay_open_are_no_guessing() -> None:
    """Ten terminals that one user opens and leaves idle, also beside four sessions that ended, raise no alert, nor do
    sessions that are rare or long.
    """
    for reason in (Reason.IDLE, Reason.STOPPED):
        assert lossy(sessions(10, 6), set(range(1, 11)), reason) == []
        assert lossy(sessions(14, 6), set(range(1, 11)), reason) == []
        assert lossy(sessions(12, 400), {2, 4, 6, 8}, reason) == []
        assert lossy(sessions(30, 2, packets=(300, 400)), {4, 7}, reason) == []


def test_benign_twins_are_quiet() -> None:
    """Monitoring of many hosts, successful sessions, idle sessions, one command every five minutes, and connections
    without data raise no alert.
    """
    assert reported(sessions(60, 2, servers=40)) == []
    assert reported(sessions(40, 5, packets=(300, 400))) == []
    assert reported(sessions(40, 5), Reason.IDLE) == []
    assert reported(sessions(40, 300)) == []
    assert reported(sessions(40, 2, packets=(3, 2))) == []
    assert reported(sessions(40, 2, ended=600)) == []
    assert reported(sessions(40, 2, port=443)) == []


def test_repetition_is_reported_once_a_window() -> None:
    """Ten minutes of guessing have one key and few reports."""
    found = reported(sessions(600, 1))
    assert one(found)
    assert len(found) <= 6
