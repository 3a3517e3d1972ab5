"""Which flows count as conversations of a host, and which of them are new."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.flow import Change
from sensor.core.time_units import SECOND
from sensor.counting.changes import ChangeReader, Changes
from sensor.counting.recent_flows import ANSWERED_PACKETS, EPHEMERAL, RecentFlows
from tests.detectors.stories import TCP, UDP, Story

HOST, OTHER, SERVER, SECOND_SERVER = "10.0.0.5", "10.0.0.6", "10.0.0.80", "10.0.0.81"
OUTSIDE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
ENOUGH = ANSWERED_PACKETS
DAY = 86_400 * SECOND


def read(story: Story) -> Changes:
    return ChangeReader(Networks()).read(story.changes())


def new(story: Story, units: RecentFlows | None = None, **options: Any) -> list[str]:
    """The new conversations, as ``client>server:port``."""
    changes = read(story)
    rows = changes.rows[(units or RecentFlows(DAY, **options)).fresh(changes)]
    ends = [
        [addresses.text(int(row[f"{end}_hi"]) << 64 | int(row[f"{end}_lo"])) for end in ("client", "server")]
        for row in rows
    ]
    return [f"{client}>{server}:{row['server_port']}" for (client, server), row in zip(ends, rows, strict=True)]


def tcp(port: int = 443, *, server: str = SERVER, client: str = HOST, packets: tuple[int, int] = ENOUGH) -> Story:
    return Story().flow(0, client, server, port, answered=True, ended=5, packets=packets)


@pytest.mark.parametrize(
    ("packets", "counts"),
    [(ENOUGH, True), ((ENOUGH[0] - 1, ENOUGH[1]), False), ((ENOUGH[0], ENOUGH[1] - 1), False), ((50, 50), True)],
)
def test_a_tcp_flow_counts_at_its_end_if_data_was_exchanged(packets: tuple[int, int], counts: bool) -> None:
    """A connection attempt or the connection of a scan has fewer packets."""
    assert new(tcp(packets=packets)) == [f"{HOST}>{SERVER}:443"] * counts


def test_a_tcp_flow_that_goes_on_does_not_count_yet() -> None:
    going = Story().flow(0, HOST, SERVER, 443, answered=True)
    assert new(going) == []
    assert new(going, at_once=True) == [f"{HOST}>{SERVER}:443"]


def test_at_once_a_tcp_flow_counts_once() -> None:
    """Its end is not a second conversation, however many packets it has."""
    changes, unit = read(tcp()), RecentFlows(DAY, at_once=True)
    assert [Change(int(kind)) for kind in changes.rows[unit.fresh(changes)]["kind"]] == [Change.ANSWERED]


def test_a_refused_flow_does_not_count() -> None:
    story = Story().flow(0, HOST, SERVER, 443, refused=True, ended=5, packets=(1, 1))
    assert new(story) == new(story, at_once=True) == []


def test_a_udp_flow_counts_as_soon_as_it_is_answered() -> None:
    """Its number of packets is unimportant, and its end is not a second conversation."""
    story = Story().flow(0, HOST, SERVER, 53, proto=UDP, answered=True, ended=9)
    assert new(story) == [f"{HOST}>{SERVER}:53"]
    assert new(Story().flow(0, HOST, SERVER, 53, proto=UDP)) == []


def test_other_protocols_do_not_count() -> None:
    assert new(Story().flow(0, HOST, SERVER, 0, proto=1, answered=True, ended=5, packets=(9, 9))) == []
    assert new(Story().flow(0, HOST, SERVER, 7, proto=132, answered=True, ended=5, packets=(9, 9))) == []


@pytest.mark.parametrize("proto", [TCP, UDP])
@pytest.mark.parametrize(("port", "counts"), [(0, False), (1, True), (EPHEMERAL - 1, True), (EPHEMERAL, False)])
def test_ephemeral_ports_are_not_services(port: int, counts: bool, proto: int) -> None:
    story = Story().flow(0, HOST, SERVER, port, proto=proto, answered=True, ended=5, packets=ENOUGH)
    assert new(story) == [f"{HOST}>{SERVER}:{port}"] * counts


@pytest.mark.parametrize(
    ("client_port", "port", "proto", "counts"),
    [
        (1023, 5000, UDP, False),
        (1024, 5000, UDP, True),
        (53, 5000, UDP, False),
        (123, 123, UDP, True),
        (123, 379, UDP, False),  # alike in the lowest eight bits
        (1023, 5000, TCP, True),
    ],
)
def test_replies_are_not_requests(client_port: int, port: int, proto: int, counts: bool) -> None:
    """A datagram from a low port is a reply, unless both sides use it (NTP); over TCP, the SYN shows the client."""
    story = Story().flow(0, HOST, SERVER, port, proto=proto, answered=True, ended=5, packets=ENOUGH, sport=client_port)
    assert new(story) == [f"{HOST}>{SERVER}:{port}"] * counts


def test_one_end_is_internal() -> None:
    assert new(tcp(client=OUTSIDE)) == [f"{OUTSIDE}>{SERVER}:443"]
    assert new(tcp(server=OUTSIDE)) == [f"{HOST}>{OUTSIDE}:443"]
    assert new(tcp(client=ELSEWHERE, server=OUTSIDE)) == []


def test_conversations_differ_by_client_server_and_service() -> None:
    story = Story()
    for client, server, port, proto in (
        (HOST, SERVER, 443, TCP),
        (OTHER, SERVER, 443, TCP),
        (HOST, SECOND_SERVER, 443, TCP),
        (HOST, SERVER, 444, TCP),
        (HOST, SERVER, 443, UDP),
        (SERVER, HOST, 443, TCP),
    ):
        story.flow(0, client, server, port, proto=proto, answered=True, ended=5, packets=ENOUGH)
    assert sorted(new(story)) == sorted(
        [
            f"{HOST}>{SERVER}:443",
            f"{HOST}>{SERVER}:443",
            f"{OTHER}>{SERVER}:443",
            f"{HOST}>{SECOND_SERVER}:443",
            f"{HOST}>{SERVER}:444",
            f"{SERVER}>{HOST}:443",
        ]
    )


def test_external_servers_are_one_unless_they_count_apart() -> None:
    """``near`` leaves them out, ``apart`` all others."""
    story = Story()
    for at, server in enumerate((OUTSIDE, ELSEWHERE, SERVER)):
        story.flow(at, HOST, server, 443, answered=True, ended=5, packets=ENOUGH)
    assert new(story) == [f"{HOST}>{OUTSIDE}:443", f"{HOST}>{SERVER}:443"]
    assert new(story, apart=True) == [f"{HOST}>{OUTSIDE}:443", f"{HOST}>{ELSEWHERE}:443"]
    assert new(story, near=True) == [f"{HOST}>{SERVER}:443"]


def test_external_clients_are_one() -> None:
    story = Story()
    for at, client in enumerate((OUTSIDE, ELSEWHERE)):
        story.flow(at, client, SERVER, 443, answered=True, ended=5, packets=ENOUGH)
    assert new(story) == [f"{OUTSIDE}>{SERVER}:443"]
    assert new(story, apart=True) == []


def test_a_conversation_is_new_again_after_the_window() -> None:
    unit = RecentFlows(3600 * SECOND)
    assert len(new(tcp(), unit)) == 1
    assert new(Story().flow(3000, HOST, SERVER, 443, answered=True, ended=5, packets=ENOUGH), unit) == []
    late = Story().flow(7200, HOST, SERVER, 443, answered=True, ended=5, packets=ENOUGH)
    assert len(new(late, unit)) == 1


def test_ports_are_wanted_by_protocol() -> None:
    """The table has the ports of TCP, then those of UDP."""
    wanted = np.zeros(2 << 16, np.uint8)
    wanted[[443, (1 << 16) + 53]] = 1
    story = Story()
    for port in (53, 443):
        for proto in (TCP, UDP):
            story.flow(0, HOST, SERVER, port, proto=proto, answered=True, ended=5, packets=ENOUGH)
    assert sorted(new(story, wanted=wanted)) == [f"{HOST}>{SERVER}:443", f"{HOST}>{SERVER}:53"]
    assert new(tcp(), wanted=wanted) == [f"{HOST}>{SERVER}:443"]


def test_wanted_ports_count_at_the_end_or_at_once() -> None:
    wanted = np.ones(2 << 16, np.uint8)
    going = Story().flow(0, HOST, SERVER, 443, answered=True)
    assert new(going, wanted=wanted) == []
    assert new(going, wanted=wanted, at_once=True) == [f"{HOST}>{SERVER}:443"]
    assert new(tcp(packets=(3, 3)), wanted=wanted) == []


def test_flows_to_a_flooded_target_do_not_count() -> None:
    changes = read(tcp())
    flooded = Changes(changes.rows, changes.contacts, np.ones(len(changes.contacts), np.bool_))
    assert RecentFlows(DAY).fresh(changes) != []
    assert RecentFlows(DAY).fresh(flooded) == []
