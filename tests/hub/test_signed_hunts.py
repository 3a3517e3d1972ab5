"""A sensor runs a query once, and only if its hub signed it for this sensor minutes ago; other senders on its subject
get an error code. A hunt over 50 sensors names the slow ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from sensor.core.output import Retry
from sensor.hub import jwts
from sensor.hub.folder import load_pair
from sensor.outputs.hub_protocol.certificates import is_issued_by
from sensor.outputs.hub_protocol.connection import renew
from sensor.outputs.hub_protocol.credentials import Credentials, load_credentials, save_credentials
from sensor.outputs.hub_protocol.hunt_signatures import FRESH_S, Rejected, read_hunt, sign_hunt, verify_hunt
from sensor.outputs.hub_protocol.hunts import HUNT, Found, Hunt, found_subject, read_found
from sensor.outputs.hub_protocol.messages import Admission, Signed, subject
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.nats_server import place_of
from sensor.outputs.transport.nats_wire import Wire
from sensor.outputs.transport.nkeys import ACCOUNT, USER, KeyPair
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls
from sensor.sync.hunter import Hunter
from sensor.sync.seen_hunts import SeenHunts
from tests.hub.hub_kit import HubServers
from tests.hub.test_hunting import Fleet, states

HUB, OTHER = KeyPair(ACCOUNT, bytes(32)), KeyPair(ACCOUNT, bytes([1] * 32))
SENSOR, NEIGHBOUR = KeyPair(USER, bytes(32)).public, KeyPair(USER, bytes([1] * 32)).public
QUERY = Hunt("0123456789abcdef", "SELECT 1", 10, 5)
NOW = 1_800_000_000
FOUND = Found(columns=["a"], types=["BIGINT"], rows=[[1]])
SENSORS, SLOW = 50, 3


def rejected(body: bytes, now: float = NOW) -> str:
    """The error code of a message at the sensor; empty if it runs."""
    try:
        verify_hunt(*read_hunt(body), HUB.public, SENSOR, now)
    except Rejected as error:
        return error.fault
    return ""


def test_what_the_hub_signed_runs() -> None:
    """A signed query runs, also with clocks that differ by minutes."""
    body = sign_hunt(QUERY, HUB, SENSOR, NOW)
    assert [rejected(body, NOW + late) for late in (0, FRESH_S, -FRESH_S)] == ["", "", ""]
    assert read_hunt(body)[1].sql == QUERY.sql


def test_what_it_did_not_sign_does_not() -> None:
    """Another key, other content, a signature for another purpose, another sensor and another time are rejected."""
    signed, hunt = read_hunt(sign_hunt(QUERY, HUB, SENSOR, NOW))
    other = msgspec.json.encode(msgspec.structs.replace(hunt, sql="SELECT 2")).decode()
    changed = msgspec.json.encode(Signed(other, signed.signature))
    elsewhere = msgspec.json.encode(Signed(signed.content, HUB.sign(signed.content.encode())))
    assert rejected(sign_hunt(QUERY, OTHER, SENSOR, NOW)) == "not_signed"
    assert rejected(changed) == "not_signed"
    assert rejected(elsewhere) == "not_signed"
    assert rejected(msgspec.json.encode(Signed(signed.content, ""))) == "not_signed"
    assert rejected(sign_hunt(QUERY, HUB, NEIGHBOUR, NOW)) == "other_sensor"
    for late in FRESH_S + 1, -FRESH_S - 1, 86_400:
        assert rejected(sign_hunt(QUERY, HUB, SENSOR, NOW), NOW + late) == "expired"


def test_a_replay_is_recognized_after_a_restart(tmp_path: Path) -> None:
    """It is forgotten when it would be expired, so that the file stays small; an invalid file is replaced."""
    path = tmp_path / "hunts"
    path.write_bytes(b"{")
    hunts = [msgspec.structs.replace(QUERY, id=f"{number:016x}", signed=NOW + number * FRESH_S) for number in range(9)]
    for hunt in hunts:
        SeenHunts(path).add(hunt, hunt.signed)
        with pytest.raises(Rejected) as caught:
            SeenHunts(path).add(hunt, hunt.signed)
        assert caught.value.fault == "replayed"
    assert [hunt for hunt, _ in msgspec.json.decode(path.read_bytes())] == [hunt.id for hunt in hunts[-3:]]


@pytest.fixture
def fleet(servers: HubServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Fleet]:
    servers.empty()
    made = Fleet(servers, tmp_path, capsys)
    yield made
    made.close()


class Listening:
    """A sensor that answers hunts until ``stop``; ``ran``: its executed queries."""

    def __init__(self, fleet: Fleet, name: str, find: Callable[[Hunt], Found] | None = None) -> None:
        self.path, self.ran = fleet.credentials(name), list[str]()
        self._find, self._stopped = find or (lambda _: FOUND), False
        self.hunter = Hunter([fleet.servers.url], fleet.options(self.path), self._run)
        self.hunter.turn(0.05)

    def serve(self) -> None:
        while not self._stopped:
            self.hunter.turn(0.1)
        self.hunter.close()

    def stop(self) -> None:
        self._stopped = True

    def _run(self, hunt: Hunt) -> Found:
        self.ran.append(hunt.sql)
        return self._find(hunt)


def test_a_holder_of_worker_credentials_cannot_hunt(fleet: Fleet) -> None:
    """It may publish to every subject, and read the hub's messages: its own query, one signed by another hub, and a
    replay get an error code and do not run. The hub's own run before and after.
    """
    sensor = Listening(fleet, "office-1")
    key = load_credentials(sensor.path).pair.public
    worker = Login(credentials=Secret(f"file:{fleet.servers.folder / 'worker.creds'}"))
    queries, answers = (Wire(place_of(fleet.servers.url, Tls()), worker, "_INBOX_x", 20) for _ in range(2))
    queries.subscribe(subject(HUNT, key))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sensor.serve)
        try:
            assert fleet.hunt("SELECT 1")[0] == 0
            seen = queries.answer().body
            answers.subscribe(found_subject("*", key))
            own = msgspec.json.encode(msgspec.structs.replace(QUERY, sensor=key, signed=int(time.time()))).decode()
            for body, code in (
                (msgspec.json.encode(Signed(own, "")), "not_signed"),
                (sign_hunt(QUERY, OTHER, key, int(time.time())), "not_signed"),
                (seen, "replayed"),
            ):
                answers.publish([(subject(HUNT, key).encode(), b"", body)])
                answer = read_found(answers.answer().body)
                assert (answer.fault, answer.rows) == (code, [])
            assert states(fleet.hunt("SELECT 2")[1]) == {"office-1": "answered"}
        finally:
            sensor.stop()
            queries.close()
            answers.close()
    assert sensor.ran == ["SELECT 1", "SELECT 2"]


def test_a_server_cannot_replace_the_key_of_the_hub(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A NATS server answers a renewal with a JWT of its own account: the credentials stay, so the sensor only trusts
    the signatures of its hub.
    """
    path = fleet.credentials("office-1")
    mine, account = load_credentials(path), load_pair(fleet.servers.folder, "account")
    forged = jwts.sensor_jwt(OTHER, mine.pair.public, "office-1", int(time.time()))
    wire, _ = fleet.wire("office-2")
    monkeypatch.setattr(wire, "request", lambda _: msgspec.json.encode(Admission("approved", forged, "HQ")))
    renew(wire, path, mine)
    assert load_credentials(path).jwt == mine.jwt
    assert [is_issued_by(mine.jwt, pair.public) for pair in (account, OTHER)] == [True, False]
    head, body, signature = mine.jwt.split(".")
    assert not is_issued_by(f"{head}.{body}.{signature[:-4]}AAAA", account.public)
    save_credentials(path, Credentials(forged, mine.pair))
    with pytest.raises(Retry):
        Hunter([fleet.servers.url], fleet.options(path), lambda _: FOUND).turn(0.1)


def test_slow_sensors_among_fifty_are_named(fleet: Fleet) -> None:
    """All others answer, with their own rows; the slow ones are unknown, and the hunt is incomplete."""
    names = [f"office-{number:02}" for number in range(SENSORS)]
    slow = set(names[:SLOW])
    over = threading.Event()

    def find_late(_: Hunt) -> Found:
        over.wait(60)
        return FOUND

    sensors = [Listening(fleet, name, find_late if name in slow else None) for name in names]
    with ThreadPoolExecutor(SENSORS) as pool:
        for sensor in sensors:
            pool.submit(sensor.serve)
        try:
            code, answer = fleet.hunt("SELECT a FROM conn", "--within", "5")
        finally:
            over.set()
            for sensor in sensors:
                sensor.stop()
    assert (code, len(states(answer))) == (6, SENSORS)
    assert {name for name, state in states(answer).items() if state == "no_answer"} == slow
    assert {one["sensor"] for one in answer if "row" in one} == set(names) - slow
