"""NATS JetStream, against a real server: delivery, duplicates, crashed and rejecting servers, and authentication."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from sensor.core.output import Entry, Retry
from sensor.outputs.nats import Nats, Options
from sensor.outputs.transport.nats_answers import covers
from tests.outputs.authority import Authority
from tests.outputs.batches import delivered, entries, ids

pytest.importorskip("nats", reason="nats-py reads what was stored")
from tests.outputs.servers_nats import MISSING, NatsServer

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

Opened = Callable[..., Nats]
# Seed and public key of a user, generated once from a key of zeros.
KEY = bytes(32)


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer() as running:
        yield running


@pytest.fixture
def opened() -> Iterator[Opened]:
    made: list[Nats] = []

    def make(url: str, **more: Any) -> Nats:
        made.append(Nats("n", Options.model_validate({"servers": [url], "create_stream": True, "timeout_s": 5} | more)))
        made[-1].open()
        return made[-1]

    yield make
    for one in made:
        one.close()


def own(stream: str) -> dict[str, str]:
    """A stream for one test."""
    return {"stream": stream, "subject": f"{stream.lower()}.{{kind}}.{{severity}}"}


def seed() -> str:
    raw = bytes([18 << 3 | 20 >> 2, (20 & 3) << 6]) + KEY
    return base64.b32encode(raw + checked(raw)).rstrip(b"=").decode()


def public() -> str:
    raw = bytes([20 << 3]) + Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
    return base64.b32encode(raw + checked(raw)).rstrip(b"=").decode()


def checked(raw: bytes) -> bytes:
    """CRC-16/XMODEM, computed bit by bit."""
    crc = 0
    for byte in raw:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc.to_bytes(2, "little")


def test_what_arrives(server: NatsServer, opened: Opened) -> None:
    """Every record arrives once, in order, unchanged, under a subject built from it, with its id as Nats-Msg-Id."""
    batch = entries(25)
    ack = opened(server.url, **own("ARRIVES")).send(batch)
    assert (dict(ack.refused), ack.busy) == ({}, ())
    stored = server.stored("ARRIVES")
    assert [json.loads(data)["id"] for _, _, data in stored] == ids(batch)
    assert [data for _, _, data in stored] == [entry.payload for entry in batch]
    for entry, (subject, headers, _) in zip(batch, stored, strict=True):
        assert subject == f"arrives.{entry.kind}.{entry.record['severity']}"
        assert (headers["Nats-Msg-Id"], headers["Kind"], headers["Severity"]) == (
            entry.id,
            entry.kind,
            entry.record["severity"],
        )


def test_what_comes_twice_is_there_once(server: NatsServer, opened: Opened) -> None:
    """A batch sent again is stored once, also over another connection and together with new records."""
    batch = entries(40)
    opened(server.url, **own("TWICE")).send(batch[:30])
    again = opened(server.url, **own("TWICE"))
    again.send(batch[10:])
    again.send(batch)
    assert [headers["Nats-Msg-Id"] for _, headers, _ in server.stored("TWICE")] == ids(batch)


def test_no_stream(server: NatsServer, opened: Opened) -> None:
    """A subject without a stream is reported with advice, and the batch is retried."""
    output = opened(server.url, create_stream=False, **own("NOWHERE"))
    with pytest.raises(Retry, match=r"NOWHERE.* nowhere\.>.*create_stream: true"):
        output.send(entries(3))
    assert [(found.what, found.level) for found in output.check()][-1] == ("permission", "error")


def test_another_stream_does_not_count(server: NatsServer, opened: Opened) -> None:
    """Where another stream than the configured one stores the subject, the batch is kept."""
    opened(server.url, **own("FIRST"))
    with pytest.raises(Retry, match="expected stream"):
        opened(server.url, create_stream=False, stream="SECOND", subject="first.{kind}").send(entries(3))
    assert server.stored("FIRST") == []


def test_the_stream_is_made_as_configured(server: NatsServer, opened: Opened) -> None:
    """The stream is created as configured; an existing one keeps its own limits."""
    output = opened(server.url, duplicates_s=7200, max_age_days=2, max_mib=8, **own("MADE"))
    config = output._requested(output._opened, "STREAM.INFO").config
    assert (config["subjects"], config["storage"], config["duplicate_window"], config["max_age"]) == (
        ["made.>"],
        "file",
        7200 * 10**9,
        172800 * 10**9,
    )
    assert config["max_bytes"] == 8 * 1024 * 1024
    opened(server.url, duplicates_s=60, **own("MADE"))
    assert output._requested(output._opened, "STREAM.INFO").config == config


def test_too_large(opened: Opened) -> None:
    """Records above the maximum of the server or the stream are refused by their index; the others arrive."""
    big, small = entries(1)[0], entries(4, first=2)
    with NatsServer("max_payload: 4096") as server:
        output = opened(server.url)
        ack = output.send([small[0], Entry(1, big.record, b"x" * 5000), small[1]])
        assert list(ack.refused) == [1]
        assert "bytes" in ack.refused[1]
        output._requested(output._opened, "STREAM.UPDATE", output._config() | {"max_msg_size": 3000})
        ack = output.send([small[2], Entry(1, big.record, b"x" * 3500), small[3]])
        assert list(ack.refused) == [1]
        assert "exceeds maximum" in ack.refused[1]
        assert [headers["Nats-Msg-Id"] for _, headers, _ in server.stored()] == ids(small)


def test_a_full_stream_is_waited_for(server: NatsServer, opened: Opened) -> None:
    """A full stream that rejects new messages refuses no record: the batch is retried."""
    output = opened(server.url, **own("FULL"))
    output._requested(output._opened, "STREAM.UPDATE", output._config() | {"discard": "new", "max_msgs": 2})
    with pytest.raises(Retry, match="maximum messages exceeded"):
        output.send(entries(5))


def test_kill_in_mid_batch(opened: Opened) -> None:
    """After five kills of the server in mid-batch nothing is lost or duplicated, and the order is kept."""
    with NatsServer() as server:
        output, batch, deaths = opened(server.url), entries(5000), 0
        for start in range(0, len(batch), 500):
            if deaths < 5:
                threading.Timer(0.002 * deaths, server.kill).start()
                again = threading.Timer(0.3, server.start)
                again.start()
                deaths += delivered(output, batch[start : start + 500]) > 0
                again.join()
            else:
                delivered(output, batch[start : start + 500])
        assert deaths >= 3
        assert [headers["Nats-Msg-Id"] for _, headers, _ in server.stored()] == ids(batch)


def test_a_stuck_server(opened: Opened) -> None:
    """A server that does not answer costs only the time-out; what it had received is stored once."""
    with NatsServer() as server:
        output, batch = opened(server.url, timeout_s=0.5), entries(300)
        server.pause()
        with pytest.raises(Retry, match=r"no answer within 0\.5 s"):
            output.send(batch)
        with pytest.raises(Retry, match="sent nothing"):
            output.open()
        server.go_on()
        assert delivered(output, batch) >= 1
        assert [headers["Nats-Msg-Id"] for _, headers, _ in server.stored()] == ids(batch)


def test_after_a_quiet_hour(server: NatsServer, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the server closed an idle connection, the next batch uses a new one without a failure."""
    output = opened(server.url, **own("QUIET"))
    output._opened._socket.shutdown(socket.SHUT_RDWR)
    monkeypatch.setattr("sensor.outputs.nats.IDLE_S", -1)
    assert not output.send(entries(2)).refused


def test_the_next_server(server: NatsServer, opened: Opened) -> None:
    """One reachable server of several is enough; a check reports the one that is down."""
    with NatsServer() as other:
        url = other.url
    output = opened(url, servers=[url, server.url], **own("NEXT"))
    assert not output.send(entries(2)).refused
    levels = [(found.what, found.level) for found in output.check()]
    assert ("tcp", "error") in levels
    assert ("permission", "ok") in levels


@pytest.mark.parametrize("way", ["password", "token", "nkey"])
def test_who_is_let_in(way: str, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right credentials connect; with wrong ones the server's reason is reported, without the secret."""
    users = {"password": "{user: u, password: correct}", "nkey": f"{{nkey: {public()}}}"}
    with NatsServer(
        "authorization { token: correct }" if way == "token" else f"authorization {{ users: [{users[way]}] }}"
    ) as server:
        reported = {"user": "u"} if way == "password" else {}
        monkeypatch.setenv("SECRET", seed() if way == "nkey" else "correct")
        output = opened(server.url, **reported, **{way: "env:SECRET"})
        assert not output.send(entries(2)).refused
        invalid = seed()[:-6] + "AAAAAA" if way == "nkey" else "battery"
        monkeypatch.setenv("SECRET", invalid)
        with pytest.raises(Retry) as caught:
            output.open()
        assert ("not the seed" if way == "nkey" else "Authorization Violation") in str(caught.value)
        assert invalid not in str(caught.value)
        assert [found.what for found in output.check() if found.level == "error"] == ["auth"]
        with pytest.raises(Retry, match=r"Authorization|authentication"):
            opened(server.url)


def test_credentials(opened: Opened, tmp_path: Path) -> None:
    """The JWT of a .creds file is sent, signed by its seed; a file without one of them is named, not quoted."""
    file = tmp_path / "user.creds"
    file.write_text(
        "-----BEGIN NATS USER JWT-----\neyJ.a.b\n------END NATS USER JWT------\n\n*** note "
        f"***\n-----BEGIN USER NKEY SEED-----\n{seed()}\n"
        "------END USER NKEY SEED------\n"
    )
    login = Nats("n", Options.model_validate({"servers": ["nats://h"], "credentials": f"file:{file}"}))._login
    answer = login.answer("nonce")
    assert answer["jwt"] == "eyJ.a.b"
    signature = base64.urlsafe_b64decode(answer["sig"] + "==")
    Ed25519PrivateKey.from_private_bytes(KEY).public_key().verify(signature, b"nonce")
    file.write_text("-----BEGIN NATS USER JWT-----\neyJ.a.b\n------END NATS USER JWT------\n")
    with pytest.raises(Retry, match=f"{file} have no part 'USER NKEY SEED'"):
        login.answer("nonce")


def test_without_the_right_to_publish(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the forbidden subject, and the batch is kept; the check finds it. Unknown permissions are no
    fault.
    """
    monkeypatch.setenv("SECRET", "p")
    for deny, known in (("'sensor.>'", True), ("'sensor.>', '$SYS.>'", False)):
        with NatsServer(
            f"authorization {{ users: [{{user: u, password: p, permissions: {{publish: {{deny: [{deny}]}}}}}}] }}"
        ) as server:
            output = opened(server.url, user="u", password="env:SECRET")
            with pytest.raises(Retry, match="Permissions Violation"):
                output.send(entries(1))
            found = list(output.check())[-1]
            assert ("sensor.alert.high" in found.message, found.level) == (
                known,
                "error" if known else "ok",
            )


@pytest.mark.parametrize(
    ("pattern", "subject", "fits"),
    [
        ("a.b", "a.b", True), ("a.*", "a.b", True), ("a.>", "a.b.c", True), (">", "a", True), ("a.>", "a", False),
        ("a.*", "a.b.c", False),
        ("a.b.c", "a.b", False), ("*.b", "a.c", False), ("a", "a.b", False),
    ],
)  # fmt: skip
def test_what_a_right_covers(pattern: str, subject: str, fits: bool) -> None:
    """Wildcards of a permission: `*` matches one token, `>` all further ones."""
    assert covers(pattern, subject) is fits


def test_tls(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS with the right CA delivers; an untrusted CA or a server without TLS is rejected: no password is sent."""
    authority = Authority(tmp_path)
    pair, untrusted = authority.issue("server"), Authority(tmp_path, "Stranger")
    with NatsServer(f'tls {{ cert_file: "{pair.certificate}", key_file: "{pair.key}" }}') as server:
        url = server.url.replace("nats:", "tls:")
        output = opened(url, tls={"ca": str(authority.ca)})
        assert not output.send(entries(3000)).refused
        assert [found.what for found in output.check()] == ["dns", "tcp", "tls", "auth", "permission"]
        with pytest.raises(Retry, match="not a trusted CA"):
            opened(url, tls={"ca": str(untrusted.ca)})
        with pytest.raises(Retry, match="requires TLS"):
            opened(server.url)
    with NatsServer("authorization { token: correct }") as server:
        monkeypatch.setenv("SECRET", "correct")
        with pytest.raises(Retry, match="nats://127"):
            opened(server.url.replace("nats:", "tls:"), token="env:SECRET", tls={"ca": str(authority.ca)})
        assert opened(server.url, token="env:SECRET").send(entries(1)).refused == {}


def test_tls_from_the_beginning(opened: Opened, tmp_path: Path) -> None:
    """TLS with a server that sends nothing before the handshake."""
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    with NatsServer(
        f'tls {{ cert_file: "{pair.certificate}", key_file: "{pair.key}", handshake_first: true }}'
    ) as server:
        reported = {"servers": [server.url.replace("nats:", "tls:")], "tls": {"ca": str(authority.ca)}, "timeout_s": 1}
        assert not opened(server.url, **reported, tls_first=True).send(entries(1)).refused
        with pytest.raises(Retry, match="tls_first"):
            opened(server.url, **reported)


def test_a_check_reports_what_the_stream_lacks(server: NatsServer, opened: Opened) -> None:
    """The check reports a short duplicate window and a stream in memory, and creates and sends nothing."""
    output = opened(server.url, **own("CHECKED"))
    assert [(found.what, found.level) for found in output.check()] == [
        ("dns", "ok"),
        ("tcp", "ok"),
        ("auth", "ok"),
        ("permission", "ok"),
    ]
    lacking = {"name": "LACKING", "subjects": ["lacking.>"], "storage": "memory", "duplicate_window": 120 * 10**9}
    other = opened(server.url, **own("LACKING"), create_stream=False)
    other._requested(other._opened, "STREAM.CREATE", lacking)
    assert [found.what for found in other.check() if found.level == "warning"] == ["duplicates", "durability"]
    unmade = Nats("n", Options.model_validate({"servers": [server.url], "create_stream": True} | own("UNMADE")))
    assert [found.message for found in unmade.check()][-1].startswith("the stream UNMADE ")
    unmade.close()


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"220 mail \x1b[31m\r\n\r\n\r\n", "220 mail"),
        (b"INFO {not json}\r\n", "INFO {not json}"),
        (b"INFO {}\r\n-ERR 'maximum connections exceeded'\r\n", "maximum connections exceeded"),
        (b"", "closed"),
        (b"INFO {}\r\n", "headers"),
    ],
)
def test_what_is_no_server(text: bytes, reported: str, opened: Opened) -> None:
    """Another service on the port is reported as such, without control characters."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as peer:
                peer.sendall(text)

        other = threading.Thread(target=answer)
        other.start()
        with pytest.raises(Retry) as caught:
            opened(f"nats://127.0.0.1:{listener.getsockname()[1]}", timeout_s=1)
        other.join()
    assert reported in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "more",
    [
        {"servers": []}, {"servers": ["http://h"]}, {"servers": ["nats://u:p@h"]}, {"user": "u", "token": "env:T"},
        {"password": "env:P"},
        {"subject": "{kind}.x"}, {"subject": "a.{kinds}"}, {"subject": "a.>"}, {"subject": "$JS.a"},
        {"subject": "a{kind}.b"}, {"subject": "a..b"}, {"stream": "a b"},
        {"max_age_days": 0.01},
    ],
)  # fmt: skip
def test_invalid_options(more: dict[str, Any]) -> None:
    """Invalid options are reported when the configuration is read."""
    with pytest.raises(ValidationError):
        Options.model_validate({"servers": ["nats://h"]} | more)


def test_subjects_stay_subjects(server: NatsServer, opened: Opened) -> None:
    """Wildcards, spaces and empty tokens in the name of a site do not change the structure of subjects."""
    output = opened(server.url, stream="ODD", subject="odd.{site}.{type}")
    batch = [
        Entry(entry.seq, entry.record | {"sensor": entry.record["sensor"] | {"site": site}}, b"{}")
        for entry, site in zip(entries(4), ("a b", "*.>", ".", "H.Q."), strict=True)
    ]
    assert not output.send(batch).refused
    assert [subject.split(".")[1] for subject, _, _ in server.stored("ODD")] == ["a_b", "_", "_", "H"]
