"""Flow changes as contacts: the values of each, and which changes are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.core.addresses import Networks, parse
from sensor.core.flow import CHANGE, Change, Reason
from sensor.core.time_units import SECOND
from sensor.counting.contacts import Blocks, combine, contact_attempts, contacts, ends, fold, service_attempts, sessions

START = 1_700_000_000 * SECOND
LOW = 2**64 - 1


def test_fold_keeps_ipv4_and_reports_ipv6_apart() -> None:
    """IPv4-mapped addresses give their low half; IPv6 ones hash to values that no IPv4 address has."""
    hi, lo = np.array([0, 0x20010DB8 << 32, 0x20010DB9 << 32], np.uint64), np.array([0xFFFF01020304, 1, 1], np.uint64)
    folded = fold(hi, lo)
    assert folded[0] == lo[0]
    assert len(set(folded.tolist())) == 3
    assert (folded[1:] >> np.uint64(63)).all()
    assert combine(hi, lo)[1] != combine(lo, hi)[1]


def test_halves_of_unequal_length_are_an_error() -> None:
    """Nothing is read past the end of a column; ``seen`` has an entry for each of three protocols."""
    with pytest.raises(ValueError, match="halves"):
        fold(np.ones(2, np.uint64), np.ones(1, np.uint64))
    with pytest.raises(ValueError, match="3 are wanted"):
        contacts(np.zeros(1, CHANGE), Blocks(()), np.zeros(2, np.uint8))


def change(kind: Change, client: str, server: str, port: int = 80, **more: int) -> np.ndarray:
    """One row of CHANGE, 100 s after START."""
    row = np.zeros(1, CHANGE)
    c, s = parse(client), parse(server)
    fields = {
        "client_hi": c >> 64,
        "client_lo": c & LOW,
        "server_hi": s >> 64,
        "server_lo": s & LOW,
        "server_port": port,
        "proto": 6,
        "ts": START + 100 * SECOND,
        "first": START,
    }
    for name, value in (fields | {"kind": kind} | more).items():
        row[name] = value
    return row


BOTH = {"client_packets": 1, "server_packets": 1}
LONE = {"client_packets": 2}


@pytest.mark.parametrize(
    ("kind", "more", "dark", "lit"),
    [
        (Change.NEW, {}, (0, 0), (1, 1)),
        (Change.ANSWERED, {"answered": 1, "first": START + 90 * SECOND}, (2, 0), (2, -1)),
        (Change.ANSWERED, {"answered": 1}, (2, 0), (2, 0)),
        (Change.REFUSED, {}, (3, 0), (3, 0)),
        (Change.ENDED, LONE | {"reason": Reason.IDLE}, (3, 1), (3, 0)),
        (Change.ENDED, LONE | {"reason": Reason.EVICTED}, (0, 1), (0, 0)),
        (Change.ENDED, {"client_packets": 9, "reason": Reason.IDLE}, (0, 0), (3, 0)),
        (Change.ENDED, LONE | {"reason": Reason.IDLE, "proto": 17}, (0, 0), (3, 0)),
        (Change.ENDED, {"client_packets": 9, "answered": 1, "reason": Reason.FINISHED}, (0, 0), (0, 0)),
    ],
)
def test_what_a_change_reports_of_its_contact(
    kind: Change, more: dict[str, int], dark: tuple[int, int], lit: tuple[int, int]
) -> None:
    """Operation and step, before and after both directions of the protocol were seen."""
    for seen, want in ((0, dark), (1, lit)):
        [row] = contacts(
            change(kind, "10.0.0.1", "203.0.113.9", **more), Blocks(Networks().blocks), np.full(3, seen, np.uint8)
        )
        assert (int(row["op"]), int(row["step"])) == want
        assert (int(row["service"]), int(row["flags"]), int(row["row"])) == (80 << 8 | more.get("proto", 6), 1, 0)


def test_both_directions_are_noticed_a_protocol_each() -> None:
    """From the first change that shows both: TCP here, not yet UDP."""
    seen = np.zeros(3, np.uint8)
    story = [change(Change.NEW, "10.0.0.1", "10.0.0.2"), change(Change.REFUSED, "10.0.0.1", "10.0.0.2", **BOTH)]
    story += [change(Change.NEW, "10.0.0.1", "10.0.0.3"), change(Change.NEW, "10.0.0.1", "10.0.0.3", proto=17)]
    assert contacts(np.concatenate(story), Blocks(Networks().blocks), seen)["op"].tolist() == [0, 3, 1, 0]
    assert seen.tolist() == [1, 0, 0]


def test_groups_and_other_protocols_are_no_contacts() -> None:
    """Multicast, broadcast, group MACs, unspecified addresses, ICMP other than echo, and protocols without ports."""
    story = [
        change(Change.NEW, "10.0.0.1", server)
        for server in ("224.0.0.251", "255.255.255.255", "240.0.0.1", "0.0.0.0", "ff02::fb")
    ]
    story += [
        change(Change.NEW, "10.0.0.1", "10.0.0.2", **more)
        for more in (
            {"server_mac": 1 << 40},
            {"proto": 1, "server_port": 3},
            {"proto": 47},
            {"proto": 58, "server_port": 135},
        )
    ]
    story += [
        change(Change.NEW, "10.0.0.1", "10.0.0.2", proto=1, server_port=8),
        change(Change.NEW, "fd00::1", "fd00::2", proto=58, server_port=128),
    ]
    assert contacts(np.concatenate(story), Blocks(Networks().blocks), np.ones(3, np.uint8))["row"].tolist() == [9, 10]


@pytest.mark.parametrize(("ports", "proto"), [((67, 68), 17), ((547, 546), 17)])
def test_messages_of_a_dhcp_server_are_no_contacts(ports: tuple[int, int], proto: int) -> None:
    """Offers to leased addresses, DHCPv4 and DHCPv6; the same ports over TCP are a contact, and so is a request to a
    server.
    """
    here, there = ports
    story = [
        change(Change.NEW, "10.0.0.1", "10.0.0.2", there, client_port=here, proto=proto),
        change(Change.ENDED, "10.0.0.1", "10.0.0.2", there, client_port=here, proto=proto, reason=Reason.IDLE),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", there, client_port=here, proto=6),
        change(Change.NEW, "10.0.0.2", "10.0.0.1", here, client_port=there, proto=proto),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", there, client_port=40000, proto=proto),
    ]
    assert contacts(np.concatenate(story), Blocks(Networks().blocks), np.ones(3, np.uint8))["row"].tolist() == [2, 3, 4]


def test_answers_of_multicast_dns_are_no_failures_but_may_be_a_flood() -> None:
    """5353 to 5353 is no attempt and no failure, but its step counts; from another port it is an ordinary contact."""
    story = [change(Change.NEW, "10.0.0.1", "10.0.0.2", 5353, client_port=port, proto=17) for port in (5353, 40000)]
    story.append(change(Change.ENDED, "10.0.0.1", "10.0.0.2", 5353, client_port=5353, proto=17, reason=Reason.IDLE))
    rows = contacts(np.concatenate(story), Blocks(Networks().blocks), np.ones(3, np.uint8))
    assert rows["op"].tolist() == [0, 1, 0]
    assert rows["step"].tolist() == [1, 1, 0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(0, 2**32 - 1).map(lambda n: 0xFFFF << 32 | n),
            st.integers(0, 2**128 - 1),
            st.integers(0xFC << 120, (0xFF << 120) - 1),
        ),
        min_size=1,
        max_size=50,
    )
)
def test_inside_is_what_the_networks_report(numbers: list[int]) -> None:
    """Blocks smaller and larger than the parts of the table, both families, edges included."""
    networks = Networks(("192.0.2.64/27", "203.0.112.0/23", "2001:db8:5::/48", "11.0.0.0/9"))
    numbers = [
        number
        for number in numbers + [edge + step for block in networks.blocks for edge in block for step in (-1, 0, 1)]
        if 0 <= number < 2**128
    ]
    changes = np.zeros(len(numbers), CHANGE)
    changes["client_hi"], changes["client_lo"] = [n >> 64 for n in numbers], [n & LOW for n in numbers]
    changes["server_lo"], changes["proto"] = parse("8.8.8.8"), 6
    assert contacts(changes, Blocks(networks.blocks), np.ones(3, np.uint8))["flags"].tolist() == [
        int(networks.inside(number)) for number in numbers
    ]


def places(*ports: int) -> np.ndarray:
    """A table of ports with the given ones set."""
    table = np.zeros(65536, np.uint8)
    table[list(ports)] = 1
    return table


def read(*story: np.ndarray) -> np.ndarray:
    """Contacts of some changes, where both directions of every protocol were seen."""
    return contacts(np.concatenate(story), Blocks(Networks().blocks), np.ones(3, np.uint8))


def test_connection_attempts_are_near_or_on_a_port_that_counts_far_away() -> None:
    """Internal servers on any port, external ones on the given ports, with the index of the contact; changes without an
    operation are omitted.
    """
    rows = read(
        change(Change.NEW, "10.0.0.1", "224.0.0.1"),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 6881),
        change(Change.NEW, "10.0.0.1", "203.0.113.9", 6881),
        change(Change.ENDED, "10.0.0.1", "203.0.113.9", 80, answered=1, reason=Reason.FINISHED),
        change(Change.REFUSED, "10.0.0.1", "203.0.113.9", 80),
    )
    near, far = contact_attempts(rows, 1 - places(6881))
    assert (near["at"].tolist(), near["op"].tolist(), far["at"].tolist(), far["op"].tolist()) == ([0], [1], [3], [3])
    assert [far[0][name] for name in ("key", "value", "ts", "since")] == [
        rows[3][name] for name in ("attempt_key", "server", "ts", "since")
    ]
    assert near["key"][0] == rows["attempt_key"][0] != far["key"][0]


def test_asks_are_of_tcp_and_of_services_of_udp_that_are_no_answers() -> None:
    """UDP from an answering port or to an ephemeral one is omitted, and so is ping; TCP is not. Ports of one pair share
    a key per protocol.
    """
    tcp, udp = {"proto": 6}, {"proto": 17}
    rows = read(
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 40000, client_port=1900, **tcp),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 5000, client_port=1900, **udp),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 32768, client_port=5000, **udp),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 32767, client_port=5000, **udp),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 161, client_port=5000, **udp),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 8, proto=1),
        change(Change.NEW, "10.0.0.2", "10.0.0.1", 161, client_port=5000, **udp),
    )
    requested = service_attempts(rows, places(1900), 32768)
    assert requested["at"].tolist() == [0, 3, 4, 6]
    assert requested["value"].tolist() == [40000, 32767, 161, 161]
    assert requested["key"][1] == requested["key"][2]
    assert len(set(requested["key"].tolist())) == 3


def test_sessions_are_tcp_between_inside_machines_on_the_wanted_ports() -> None:
    """Rejected attempts, other ports and protocols, and external endpoints are omitted; the index is that of the
    change, and each stage has its own value.
    """
    rows = read(
        change(Change.NEW, "10.0.0.1", "224.0.0.1", 22),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 22),
        change(Change.ANSWERED, "10.0.0.1", "10.0.0.2", 22, answered=1),
        change(Change.REFUSED, "10.0.0.1", "10.0.0.2", 22),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 80),
        change(Change.NEW, "10.0.0.1", "10.0.0.2", 22, proto=17),
        change(Change.NEW, "10.0.0.1", "203.0.113.9", 22),
        change(Change.NEW, "203.0.113.9", "10.0.0.1", 22),
    )
    opened = sessions(rows, places(22))
    assert opened["at"].tolist() == [1, 2]
    assert opened["key"][0] == opened["key"][1] == rows["client"][0]
    assert opened["value"][0] != opened["value"][1]


def test_ends_are_those_who_converse_and_patient_senders() -> None:
    """Both ends of an answered flow, the client of an unanswered one after five packets; an external end counts by its
    MAC, with eight keys each.
    """
    macs = {"client_mac": 7, "server_mac": 9}
    story = [
        change(Change.NEW, "10.0.0.1", "10.0.0.2", **macs),
        change(Change.ANSWERED, "10.0.0.1", "10.0.0.2", answered=1, vlan=3, **macs),
        change(Change.ENDED, "10.0.0.3", "10.0.0.2", client_packets=5, **macs),
        change(Change.ENDED, "10.0.0.4", "10.0.0.2", client_packets=4, **macs),
        change(Change.ENDED, "10.0.0.5", "10.0.0.2", client_packets=9, answered=1, **macs),
        change(Change.ANSWERED, "10.0.0.1", "203.0.113.9", answered=1, client_mac=7),
        *(change(Change.ANSWERED, "203.0.113.9", f"198.51.{i}.1", answered=1, server_mac=9) for i in range(20)),
    ]
    found, keys = ends(np.concatenate(story), Blocks(Networks().blocks), 5)
    assert found["row"].tolist()[:4] == [1, 1, 2, 5]
    assert found["mac"].tolist()[:4] == [7, 9, 7, 7]
    assert [int(found[name][0]) for name in ("ts", "lo", "vlan")] == [START + 100 * SECOND, parse("10.0.0.1") & LOW, 3]
    assert found["row"].tolist()[4:] == list(range(6, 26))
    assert keys[0] == keys[3]
    assert len(set(keys[:3].tolist())) == 3
    assert len(set(keys[4:].tolist())) == 8


def test_a_table_of_ports_has_a_place_for_each() -> None:
    """A shorter table is an error, not a read past its end."""
    rows, short = read(change(Change.NEW, "10.0.0.1", "10.0.0.2")), np.zeros(65535, np.uint8)
    for call in (
        lambda: contact_attempts(rows, short),
        lambda: service_attempts(rows, short, 1),
        lambda: sessions(rows, short),
    ):
        with pytest.raises(ValueError, match="65536 are wanted"):
            call()
