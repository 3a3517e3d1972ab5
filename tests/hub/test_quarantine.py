"""Malicious sensors and invalid batches: each is quarantined with its reason, and no other sensor is delayed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from sensor.core.output import Retry
from sensor.hub.sensors import revoke
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.hub_protocol.messages import Commit, Head, batch_id, runs_of, sealed, subject
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.nats_server import place_of
from sensor.outputs.transport.nats_wire import UNASKED, Wire
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls
from tests.hub.hub_kit import SITE, HubServers
from tests.outputs.batches import records
from tests.waiting import until

DAY_NS = 86_400_000_000_000


class Liar:
    """A sensor with valid credentials that sends arbitrary batches."""

    def __init__(self, servers: HubServers, name: str, folder: Path) -> None:
        path = servers.joined(name, folder)
        self.name, self.key = name, load_credentials(path).pair.public
        login = Login(credentials=Secret(f"file:{path}"))
        self.wire = Wire(place_of(servers.url, Tls()), login, f"_INBOX_{self.key}", 20)
        self.wire.subscribe(subject(messages.COMMITS, self.key))

    def head(self, numbers: Sequence[int], **more: Any) -> Head:
        usual: dict[str, Any] = {"sensor": self.name, "site": SITE, "version": "0.1.0", "epoch": "e1"}
        return Head(**usual | {"runs": runs_of(numbers), "sent_ns": time.time_ns()} | more)

    def send(self, head: Head, lines: Sequence[bytes]) -> str:
        return self.send_raw(batch_id(self.key, head.epoch, head.runs, lines), sealed(head, lines))

    def send_raw(self, name: str, body: bytes, version: str = str(messages.VERSION)) -> str:
        """The hub's answer to the batch: empty if it was committed."""
        headers = f"Nats-Msg-Id: {name}\r\n{messages.VERSION_HEADER}: {version}\r\n".encode()
        self.wire.publish([(subject(messages.EVENTS, self.key).encode(), headers, body)])
        while True:
            answer = self.wire.answer()
            if answer.number == UNASKED and (commit := msgspec.json.decode(answer.body, type=Commit)).id == name:
                return commit.reason


@pytest.fixture
def liar(servers: HubServers, tmp_path: Path) -> Iterator[Liar]:
    servers.empty()
    one = Liar(servers, "liar", tmp_path)
    yield one
    one.wire.close()


def lines(count: int, *, sensor: str = "liar", site: str = SITE, first: int = 1, **more: Any) -> list[bytes]:
    made = []
    for record in records(count, first=first, sensor=sensor):
        record["sensor"] = record["sensor"] | {"site": site}
        made.append(msgspec.json.encode(record | more))
    return made


def test_true_batches_are_committed(servers: HubServers, liar: Liar) -> None:
    """The valid batch that all others are compared with."""
    assert liar.send(liar.head(range(1, 11)), lines(10)) == ""
    assert servers.queried("SELECT count(*) FROM events") == [(10,)]


def wrong_batches(liar: Liar) -> dict[str, list[tuple[Head, list[bytes]]]]:
    """Invalid batches, by reason."""
    now, ten = time.time_ns(), range(1, 11)
    future = datetime.fromtimestamp(now / 1e9 + 60 * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return {
        "foreign_identity": [
            (liar.head(ten, sensor="other"), lines(10, sensor="other")),
            (liar.head(ten, site="Paris"), lines(10, site="Paris")),
            (liar.head(ten), [*lines(9), *lines(1, sensor="other", first=10)]),
        ],
        "clock": [
            (liar.head(ten, sent_ns=now - 365 * DAY_NS), lines(10)),
            (liar.head(ten, sent_ns=now + 365 * DAY_NS, epoch="e2"), lines(10)),
        ],
        "event_time": [(liar.head(ten), lines(10, ts=future))],
        "wrong_numbers": [
            (liar.head(ten, runs=[(1, 1_000_000_000)]), lines(10)),
            (liar.head(range(11, 21)), lines(10)),
            (liar.head(ten, runs=[(5, 10), (1, 4)]), lines(10)),
            (liar.head(ten, runs=[(-4, 5)]), lines(10)),
            (liar.head([]), []),
        ],
        "undecodable": [
            (liar.head(ten), [*lines(9), b"{not json"]),
            (liar.head(ten), [*lines(9), b'"\xff"']),
            (liar.head([1]), [lines(1, unknown="?")[0].replace(b'"?"', b'"\xff"')]),
            (liar.head([1]), [lines(1)[0].replace(b'"ts":"', b'"ts":"yesterday ')]),
            (liar.head([1]), [lines(1, padding="x" * 70_000)[0]]),
        ],
        "oversize": [(liar.head(range(1, 402)), lines(401))],
    }


@pytest.mark.parametrize(
    "reason", ["foreign_identity", "clock", "event_time", "wrong_numbers", "undecodable", "oversize"]
)
def test_wrong_batches_are_set_aside(servers: HubServers, liar: Liar, reason: str) -> None:
    """Each is quarantined with this reason and counted, and none of its events is stored."""
    batches = wrong_batches(liar)[reason]
    for head, content in batches:
        assert liar.send(head, content) == reason
    found = servers.queried("SELECT reason, count(*) FROM quarantine GROUP BY 1")
    assert found == [(reason, len(batches))]
    assert servers.queried("SELECT quarantined FROM sensors") == [(len(batches),)]
    assert servers.queried("SELECT count(*) FROM events") == [(0,)]


def test_bytes_that_are_no_batch(servers: HubServers, liar: Liar) -> None:
    """No zstd, a decompression bomb, no head, an incorrect id, an older and a newer version."""
    bomb = zstandard.ZstdCompressor().compress(bytes(200_000_000))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"x")
    assert liar.send_raw("a1", b"\0\1\2") == "undecodable"
    assert liar.send_raw("a2", bomb) == "oversize"
    assert liar.send_raw("a3", unsized) in {"oversize", "undecodable"}
    assert liar.send_raw("a4", zstandard.compress(b"[]\n{}")) == "undecodable"
    assert liar.send_raw("a5", sealed(liar.head([1]), lines(1))) == "undecodable"
    for version in "0", str(messages.VERSION + 1), "-1", "x", "":
        assert liar.send_raw(f"v{version}", sealed(liar.head([1]), lines(1)), version) == "unknown_version"
    assert servers.queried("SELECT count(*) FROM quarantine") == [(10,)]


def test_other_events_under_the_same_numbers(servers: HubServers, liar: Liar) -> None:
    """A replay of the same batch adds nothing; another one under its numbers is a fork, and changes nothing."""
    assert liar.send(liar.head(range(1, 11)), lines(10)) == ""
    before = servers.queried("SELECT * FROM events ORDER BY seq")
    assert liar.send(liar.head(range(1, 12)), lines(11)) == ""
    assert servers.queried("SELECT * FROM events WHERE seq <= 10 ORDER BY seq") == before
    other = [line.replace(b'"id":"', b'"id":"X', 1) for line in lines(10)]
    assert liar.send(liar.head(range(1, 11)), other) == "fork"
    assert servers.queried("SELECT * FROM events WHERE seq <= 10 ORDER BY seq") == before


def test_texts_that_postgresql_has_no_room_for(servers: HubServers, liar: Liar) -> None:
    """NUL in a text of a peer is valid JSON: the event is stored unchanged."""
    [line] = lines(1, msg="a\0b")
    assert liar.send(liar.head([1]), [line]) == ""
    assert servers.queried("SELECT record FROM events") == [(line.decode(),)]


def test_texts_in_columns_have_no_nul(servers: HubServers, liar: Liar) -> None:
    """Ids, names and addresses are stored without it; an escaped backslash before `u0000` is no NUL."""
    one = {"id": "dev-a\0a", "hostname": r"C:\u0000"}
    lists = {"ips": ["10.0.0.1\0\0", ""], "macs": ["m" * 300] * 100}
    [line] = lines(1, kind="device", action="new", device=one | lists, alert=None)
    assert liar.send(liar.head([1]), [line]) == ""
    assert servers.queried("SELECT about, record FROM events") == [("dev-aa", line.decode())]
    [row] = servers.queried("SELECT id, name, ips, macs FROM devices")
    assert row == ("dev-aa", r"C:\u0000", ["10.0.0.1", ""], ["m" * 256] * 64)


def test_numbers_that_columns_have_no_room_for(servers: HubServers, liar: Liar) -> None:
    """A count of 64 bits: the batch is refused, and the worker goes on."""
    [line] = lines(1)
    body = msgspec.json.decode(line)
    body["alert"]["count"] = (1 << 64) - 1
    assert liar.send(liar.head([1]), [msgspec.json.encode(body)]) == "undecodable"
    assert liar.send(liar.head([2]), lines(1, first=2)) == ""


def test_a_lying_sensor_delays_no_other(servers: HubServers, liar: Liar, tmp_path: Path) -> None:
    """Its invalid batches and valid ones of another sensor arrive at the same time."""
    good, junk = Liar(servers, "good", tmp_path), 20
    for number in range(junk):
        headers = f"Nats-Msg-Id: junk{number}\r\n{messages.VERSION_HEADER}: 1\r\n".encode()
        liar.wire.publish([(subject(messages.EVENTS, liar.key).encode(), headers, b"junk")])
    assert good.send(good.head(range(1, 101)), lines(100, sensor="good")) == ""
    good.wire.close()
    assert servers.queried("SELECT count(*) FROM events") == [(100,)]
    until(lambda: servers.queried("SELECT count(*) FROM quarantine") == [(junk,)])


def test_a_sensor_cannot_publish_as_another(servers: HubServers, liar: Liar, tmp_path: Path) -> None:
    """The NATS server rejects the subject, whatever the batch contains."""
    other = Liar(servers, "other", tmp_path)
    body = sealed(other.head([1]), lines(1, sensor="other"))
    liar.wire.publish([(subject(messages.EVENTS, other.key).encode(), b"Nats-Msg-Id: x\r\n", body)])
    with pytest.raises(Retry, match="Permissions Violation"):
        liar.wire.answer()
    other.wire.close()
    assert servers.queried("SELECT count(*) FROM events") == [(0,)]


def test_a_revoked_sensor(servers: HubServers, liar: Liar) -> None:
    """Its batches are quarantined even while its connection is open."""
    with servers.base() as base:
        revoke(base, "liar")
    assert liar.send(liar.head([1]), lines(1)) == "not_approved"
    assert servers.queried("SELECT reason FROM quarantine") == [("not_approved",)]
