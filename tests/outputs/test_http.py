"""HTTP against a receiver that stores before it answers: contents, signatures, and the handling of bad answers, silence
and certificates.

Cost of send(), Python 3.11 (two cores, shared, receiver on the same machine with every batch on its disk): about
100,000 events/s in batches of 500, packed by gzip 90,000 (``python -m tests.outputs.speed``).
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.core.output import Ack, BatchRejected, Retry
from sensor.outputs.http import Http, Options
from sensor.outputs.transport.http_signing import idempotency_key, signature
from tests.golden import Golden
from tests.outputs.authority import Authority
from tests.outputs.batches import entries, entry, ids
from tests.outputs.invalid import faults_of
from tests.outputs.receiver import Answer, Fault, Receiver, Request, Store
from tests.waiting import until

ODD = "sécret\u202e\x1b[31m"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def output(receiver: Receiver, request: pytest.FixtureRequest) -> Iterator[Http]:
    made = opened(receiver.url, **getattr(request, "param", {}))
    yield made
    made.close()


def opened(url: str, **options: Any) -> Http:
    made = Http("test", Options.model_validate({"url": f"{url}/events", "timeout_s": 3, **options}))
    made.open()
    return made


def reported(output: Http, error: type[Exception]) -> Any:
    with pytest.raises(error) as raised:
        output.send(entries(3))
    return raised.value


def held() -> int:
    """Open file descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("output", [{"packing": packing} for packing in ("none", "gzip", "zstd")], indirect=True)
def test_lines_arrive_as_they_are(receiver: Receiver, output: Http) -> None:
    """Lines arrive byte for byte, in order, and all batches share one connection."""
    batch = entries(20)
    assert output.send(batch[:10]) == Ack()
    before = receiver.connections
    output.send(batch[10:])
    assert receiver.store.lines == [one.payload for one in batch]
    assert receiver.connections == before
    headers = receiver.requests[0].headers
    assert (headers["content-type"], headers.get("content-encoding", "none")) == (
        "application/x-ndjson",
        output.options.packing,
    )


@pytest.mark.parametrize("output", [{"body": "array"}], indirect=True)
def test_arrays_are_one_value(receiver: Receiver, output: Http) -> None:
    output.send(entries(3))
    assert json.loads(receiver.requests[0].body) == [one.record for one in entries(3)]
    assert receiver.requests[0].headers["content-type"] == "application/json"


def test_text_formats_are_lines_of_text(receiver: Receiver) -> None:
    output = opened(receiver.url, format="cef")
    output.send(entries(2, format="cef"))
    assert receiver.store.lines[0].startswith(b"CEF:0|")
    assert receiver.requests[0].headers["content-type"] == "text/plain; charset=utf-8"
    output.close()


def test_a_repeat_has_the_same_key_and_nothing_else_has_it(receiver: Receiver, output: Http) -> None:
    """The key depends on the ids, their number and their order: half of a batch has another key."""
    batch = entries(4)
    for part in (batch, batch, batch[:2], batch[2:], batch[::-1]):
        output.send(part)
    keys = [request.headers["idempotency-key"] for request in receiver.requests]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert keys[0].startswith(f"{batch[0].id}-4-")


def test_a_key_is_a_header_whatever_the_id() -> None:
    """An idempotency key is a valid header for any id, since a log of another program may hold any text."""
    record = {**entries(1)[0].record, "id": "a\r\nX-Evil: 1 é"}
    assert idempotency_key([entry(record)]).startswith("aXEvil1-1-")


@pytest.mark.parametrize("secret", ["plain words", "whsec_" + base64.b64encode(b"\x00\xffkey").decode()])
def test_signatures_can_be_verified(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """Signatures verify as in Standard Webhooks, over the bytes on the wire; another secret or body fails."""
    monkeypatch.setenv("SIGNING", secret)
    output = opened(receiver.url, sign="env:SIGNING")
    output.send(entries(3))
    request = receiver.requests[0]
    key, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    signing = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    digest = hmac.new(signing, f"{key}.{moment}.".encode() + request.raw, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert abs(time.time() - int(moment)) < 60
    assert key == request.headers["idempotency-key"]
    assert gzip.decompress(request.raw) == request.body
    output.close()


def test_a_known_signature() -> None:
    """The example of the specification."""
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"token": "env:SECRET"}, {"authorization": "Bearer s3cret"}),
        ({"user": "forward", "password": "env:SECRET"}, {"authorization": "Basic Zm9yd2FyZDpzM2NyZXQ="}),
        (
            {"headers": {"X-Scope-OrgID": "hq"}, "secret_headers": {"X-Api-Key": "env:SECRET"}},
            {"x-scope-orgid": "hq", "x-api-key": "s3cret"},
        ),
    ],
)
def test_who_we_are(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], sent: dict[str, str]
) -> None:
    """Every request is authenticated; a new secret is used once the output is opened again."""
    monkeypatch.setenv("SECRET", "s3cret")
    output = opened(receiver.url, **options)
    output.send(entries(1))
    assert sent.items() <= receiver.requests[0].headers.items()
    monkeypatch.setenv("SECRET", "another")
    output.open()
    output.send(entries(1))
    assert sent.items() != {name: receiver.requests[1].headers[name] for name in sent}.items()
    output.close()


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_it_will_never_take(receiver: Receiver, output: Http, status: int) -> None:
    """A rejection is quoted, cleaned and short; the connection is kept."""
    receiver.script = [Fault(status, b"field \x1b[31m\xe2\x80\xaeseverity\r\nis missing " + b"x" * 100_000)]
    refused = reported(output, BatchRejected)
    assert f"answered {status}" in str(refused)
    assert "severity" in str(refused)
    assert str(refused).isprintable()
    assert len(str(refused)) < 320
    output.send(entries(1))
    assert len(receiver.store.lines) == 1


@pytest.mark.parametrize(
    "status", [301, 401, 402, 403, 404, 405, 407, 408, 409, 410, 415, 425, 429, 500, 502, 503, 504, 599, 999]
)
def test_what_it_does_not_take_now(receiver: Receiver, output: Http, status: int) -> None:
    """Temporary errors are retried, with their message; a redirect is not followed."""
    receiver.script = [Fault(status, b"not now", {"Location": "/elsewhere"})]
    retry = reported(output, Retry)
    assert f"answered {status}" in str(retry)
    assert "not now" in str(retry)
    assert (len(receiver.requests), receiver.store.lines) == (1, [])


def test_retry_after(receiver: Receiver, output: Http) -> None:
    """Seconds and dates are honored; past dates, invalid and excessive values are not."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    answers = [
        "7",
        date,
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "soon",
        "-3",
        "9" * 400,
        "Wed, 21 Oct 9015 07:28:00 GMT",
        None,
    ]
    found = []
    for text in answers:
        receiver.script = [Fault(429, headers={"Retry-After": text} if text else {})]
        found.append(reported(output, Retry).after_s)
    assert found[0] == 7
    assert 80 < found[1] <= 90
    assert found[2:] == [0, None, None, 3600, 3600, None]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(reset=True), "lost"),
        (Fault(reset=True, status=500), "lost"),
        (Fault(cut=0), "lost"),
        (Fault(cut=9), "lost"),
        (Fault(status=200, store=True, body=b"x" * 100, cut=90), "lost"),
        (Fault(before_s=9), " 0.5 s"),
        (Fault(after_s=9), " 0.5 s"),
        (Fault(bytes_per_s=20), " 0.5 s"),
    ],
)
@pytest.mark.parametrize("output", [{"timeout_s": 0.5}], indirect=True)
def test_an_answer_that_is_none(receiver: Receiver, output: Http, fault: Fault, expected: str) -> None:
    """After an invalid or slow answer the batch is soon sent again, and then it is delivered."""
    receiver.script = [fault]
    begin = time.monotonic()
    assert expected in str(reported(output, Retry))
    assert time.monotonic() - begin < 8  # the receiver accepts nine
    output.open()
    output.send(entries(3))
    assert receiver.store.lines[-3:] == [one.payload for one in entries(3)]
    assert len({record["id"] for record in receiver.store.records}) == 3


def test_a_connection_that_was_closed_meanwhile_is_made_again(receiver: Receiver, output: Http) -> None:
    """A connection that the receiver closed while idle is opened again without a failure."""
    receiver.script = [Fault(200, b"x", {"Connection": "close"}, store=True, cut=10_000)]
    output.send(entries(1))
    time.sleep(0.1)
    output.send(entries(1))
    assert len(receiver.store.lines) == 2


def test_the_body_of_a_good_answer_does_not_matter(receiver: Receiver, output: Http) -> None:
    """Ten megabytes of body are not read, and do not mix with the next answer."""
    receiver.script = [Fault(200, b"x" * 10_000_000, store=True)]
    output.send(entries(1))
    output.send(entries(1))
    assert len(receiver.store.lines) == 2


def test_nothing_listens_there() -> None:
    """A refused connection fails at once, with the port and advice."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    output = Http("test", Options.model_validate({"url": f"http://127.0.0.1:{port}/secret-path", "timeout_s": 1}))
    with pytest.raises(Retry, match="refused") as raised:
        output.open()
    assert "secret-path" not in str(raised.value)


def test_a_receiver_that_reads_nothing() -> None:
    """A receiver that accepts the connection and reads nothing fills the socket buffer; the send times out."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        output = opened(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_s=0.5, packing="none")
        begin = time.monotonic()
        with pytest.raises(Retry):
            output.send([one for _ in range(20) for one in entries(1000)])
        assert time.monotonic() - begin < 60  # practically for ever
        output.close()


def test_a_late_answer_takes_no_time_from_the_next_request() -> None:
    """Each request has its full time-out: after a late answer, a large batch that is read slowly still passes."""

    def serve() -> None:
        listening.accept()[0].close()
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as reading:
            for before_s, after_s in ((0, 1.4), (1.0, 0)):
                time.sleep(before_s)
                size = 0
                while (line := reading.readline()) not in (b"", b"\r\n"):
                    size = int(line.split()[1]) if line.lower().startswith(b"content-length") else size
                reading.read(size)
                time.sleep(after_s)
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                time.sleep(0.05)
                connection.sendall(b"Content-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        thread = threading.Thread(target=serve)
        thread.start()
        output = opened(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_s=2, packing="none")
        output.send(entries(1))
        output.send([one for _ in range(10) for one in entries(1000)])
        output.close()
        thread.join()


def test_it_goes_away_and_comes_back(tmp_path: Path) -> None:
    """After a restart the receiver has what it stored; batches without an answer are sent again."""
    with Receiver(store=Store(tmp_path / "store")) as first:
        output = opened(first.url)
        output.send(entries(3))
        port = first.port
    stated = str(reported(output, Retry))
    assert "connection was lost" in stated or "no connection" in stated
    with Receiver(store=Store(tmp_path / "store"), port=port) as second:
        output.open()
        output.send(entries(3, first=4))
        assert [record["id"] for record in second.store.records] == ids(entries(6))
        output.close()


# TLS.


def test_with_an_authority_of_its_own(authority: Authority) -> None:
    pair = authority.issue("siem")
    with Receiver(tls=pair.context()) as receiver:
        output = opened(receiver.url, tls={"ca": str(authority.ca), "minimum": "1.3"})
        output.send(entries(2))
        assert len(receiver.store.lines) == 2
        output.close()


@pytest.mark.parametrize("fault", [Fault(reset=True), Fault(cut=9), Fault(before_s=9), Fault(bytes_per_s=20)])
def test_an_answer_that_is_none_through_tls(authority: Authority, fault: Fault) -> None:
    with Receiver(tls=authority.issue("faulty").context()) as receiver:
        output = opened(receiver.url, tls={"ca": str(authority.ca)}, timeout_s=0.5)
        output.send(entries(1))
        receiver.script = [fault]
        begin = time.monotonic()
        stated = str(reported(output, Retry))
        assert "connection was lost" in stated or "no complete answer" in stated
        assert time.monotonic() - begin < 8  # the receiver accepts nine
        output.open()
        output.send(entries(3))
        assert len({record["id"] for record in receiver.store.records}) == 3
        output.close()


def test_with_a_certificate_of_ours(authority: Authority, tmp_path: Path) -> None:
    pair, ours = authority.issue("mutual"), authority.issue("forwarder", client=True)
    with Receiver(tls=pair.context(authority.ca)) as receiver:
        output = opened(
            receiver.url, tls={"ca": str(authority.ca), "certificate": str(ours.certificate), "key": str(ours.key)}
        )
        output.send(entries(2))
        assert len(receiver.store.lines) == 2
        output.close()


def test_under_the_name_of_its_certificate(authority: Authority) -> None:
    pair = authority.issue("elsewhere", ("siem.example.org",))
    with Receiver(tls=pair.context()) as receiver:
        output = opened(receiver.url, tls={"ca": str(authority.ca), "server_name": "siem.example.org"})
        output.send(entries(2))
        assert len(receiver.store.lines) == 2
        output.close()


def test_unverified_is_silent_when_it_sends_and_reported_when_it_is_checked(authority: Authority) -> None:
    """Disabled verification is a finding of the check, without a warning for each request."""
    with Receiver(tls=authority.self_signed("alone").context()) as receiver:
        output = opened(receiver.url, tls={"verify": False})
        output.send(entries(2))
        findings = {one.what: one.level for one in output.check()}
        assert findings == {"dns": "ok", "tcp": "ok", "tls": "warning", "auth": "ok"}
        output.close()


@pytest.mark.parametrize("kind", ["expired", "wrong", "self_signed", "unknown"])
def test_certificates_that_are_not_accepted(authority: Authority, tmp_path: Path, kind: str) -> None:
    """Invalid certificates are rejected at open and after a change; nothing is sent to an unverified server."""
    makers = {
        "expired": lambda: authority.issue("expired", days=-2),
        "wrong": lambda: authority.issue("wrong", ("other.example.org",)),
        "self_signed": lambda: authority.self_signed("self-signed"),
        "unknown": lambda: Authority(tmp_path, "Nobody").issue("unknown"),
    }
    expected = {
        "expired": "expired",
        "wrong": "is for other.example.org",
        "self_signed": "self-signed",
        "unknown": "not a trusted CA",
    }
    with Receiver(tls=authority.issue("good").context()) as receiver:
        output = opened(receiver.url, tls={"ca": str(authority.ca)})
        receiver.tls = makers[kind]().context()
        assert "certificate" in str(reported(output, Retry))
        with pytest.raises(Retry, match=expected[kind]):
            output.open()
        assert receiver.requests == []
        output.close()


def test_a_handshake_that_never_ends(authority: Authority) -> None:
    with Receiver(tls=authority.issue("stuck").context(), stall_handshake=True) as receiver:
        output = Http(
            "test", Options.model_validate({"url": receiver.url, "timeout_s": 0.4, "tls": {"ca": str(authority.ca)}})
        )
        with pytest.raises(Retry, match=r"handshake within 0\.4 s"):
            output.open()


def test_http_to_a_port_with_tls_and_the_other_way_round(authority: Authority, receiver: Receiver) -> None:
    """HTTP to a TLS port and TLS to an HTTP port are reported as such."""
    with pytest.raises(Retry, match="this port"):
        opened(receiver.url.replace("http:", "https:"))
    with Receiver(tls=authority.issue("tls-only").context()) as secured:
        output = opened(secured.url.replace("https:", "http:"))
        assert "connection was lost" in str(reported(output, Retry))
        output.close()


# Through a proxy.


class Proxy:
    """CONNECT and absolute URLs, for one receiver."""

    def __init__(self, port: int) -> None:
        self.port, self.requested = port, []

    def __call__(self, request: Request, store: Store) -> Answer:
        self.requested.append(request)
        if request.headers.get("proxy-authorization") != "Basic dXM6czNjcmV0":
            return Answer(407, b"who are you")
        store.add(request.body.splitlines())
        return Answer()


def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy resolves the destination; its login stays separate from the destination's; its refusal is reported."""
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setenv("WRONG", "wrong")
    proxy = Proxy(0)
    with Receiver(proxy) as running:
        options = {"proxy": running.url, "proxy_user": "us", "packing": "none"}
        output = opened("http://siem.invalid", proxy_password="env:SECRET", **options)
        output.send(entries(2))
        assert proxy.requested[0].path == "http://siem.invalid/events"
        assert "authorization" not in proxy.requested[0].headers
        assert len(running.store.lines) == 2
        assert [one.what for one in output.check()] == ["dns", "tcp", "auth"]
        output.close()
        output = opened("http://siem.invalid", proxy_password="env:WRONG", **options)
        assert "answered 407" in str(reported(output, Retry))
        output.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_tunnel_through_a_proxy(authority: Authority, scheme: str) -> None:
    """TLS with the destination passes the tunnel unread, also inside TLS with the proxy."""
    shown = authority.issue(f"proxy-{scheme}").context()
    with (
        Receiver(tls=authority.issue("tunnelled").context()) as receiver,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        heads: list[bytes] = []

        def pump(one: socket.socket, other: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := one.recv(65536):
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)

        def serve() -> None:
            # The first connection only checks whether the port is open.
            for _ in range(2):
                client, _ = listening.accept()
                client = shown.wrap_socket(client, server_side=True) if scheme == "https" else client
                with client, contextlib.suppress(OSError):
                    head = client.recv(65536)
                    heads.append(head)
                    if not head:
                        continue
                    with socket.create_connection(("127.0.0.1", receiver.port)) as server:
                        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                        back = threading.Thread(target=pump, args=(server, client))
                        back.start()
                        pump(client, server)
                        back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        output = opened(
            receiver.url, proxy=f"{scheme}://127.0.0.1:{listening.getsockname()[1]}", tls={"ca": str(authority.ca)}
        )
        output.send(entries(2))
        output.close()
        thread.join(60)
        assert not thread.is_alive()
        assert heads[-1].startswith(f"CONNECT 127.0.0.1:{receiver.port} HTTP/".encode())
        assert len(receiver.store.lines) == 2


# Checks, secrets, options.


@pytest.mark.parametrize(
    ("fault", "level", "expected"),
    [
        (Fault(401), "error", "Unauthorized: check token"),
        (Fault(404), "warning", "check the path"),
        (Fault(302), "warning", "302"),
        (Fault(503), "warning", "503"),
        (Fault(405), "ok", "405 Method Not Allowed"),
        (Fault(cut=0), "error", "lost"),
    ],
)
def test_checks_send_no_record(receiver: Receiver, output: Http, fault: Fault, level: str, expected: str) -> None:
    receiver.script = [fault]
    *before, last = output.check()
    assert [one.what for one in before] == ["dns", "tcp"]
    assert (last.what, last.level) == ("auth", level)
    assert expected in last.message
    assert receiver.store.lines == []


def test_the_first_error_of_a_check_is_the_last_finding(tmp_path: Path) -> None:
    """A missing secret or a closed port is the last finding of a check."""
    output = Http("test", Options.model_validate({"url": f"file:{tmp_path}/absent"}))
    assert [(one.what, one.level) for one in output.check()] == [("secret", "error")]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    output = Http("test", Options.model_validate({"url": f"http://127.0.0.1:{port}"}))
    assert [(one.what, one.level) for one in output.check()] == [("dns", "ok"), ("tcp", "error")]


def test_secrets_are_in_no_message(receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No message contains the URL, which may grant write access, or a token, in any failure."""
    (tmp_path / "url").write_text(f"{receiver.url}/T0KEN-in-path?sig=S1G\n")
    (tmp_path / "token").write_text("s3cret-token")
    output = Http(
        "test",
        Options.model_validate({"url": f"file:{tmp_path}/url", "token": f"file:{tmp_path}/token", "timeout_s": 0.3}),
    )
    output.open()
    stated = [repr(output.options), str(output.options.model_dump(mode="json"))]
    for fault in (
        Fault(401),
        Fault(reset=True),
        Fault(before_s=2),
        Fault(404),
        Fault(cut=5),
        Fault(500, headers={"A B": "c", ": ": ""}),
    ):
        receiver.script = [fault]
        stated.append(str(reported(output, Retry)))
    assert receiver.requests[0].path == "/T0KEN-in-path?sig=S1G"
    stated += [str(one) for one in output.check()] + [caplog.text]
    assert not any(secret in text for text in stated for secret in ("T0KEN", "S1G", "s3cret"))
    output.close()


@pytest.mark.parametrize("secret", ["", f"s3cret{ODD}", "s3cret\r\nX-Evil: 1"])
def test_a_secret_that_is_no_header(receiver: Receiver, tmp_path: Path, secret: str) -> None:
    """A secret that is not a valid header is reported by its option, before anything is sent."""
    (tmp_path / "token").write_text(secret, newline="")
    output = Http("test", Options.model_validate({"url": receiver.url, "token": f"file:{tmp_path}/token"}))
    with pytest.raises(Retry, match=f"file:{tmp_path}/token") as raised:
        output.open()
    assert "s3cret" not in str(raised.value)
    assert receiver.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://siem.example.org"},
        {"url": "https://"},
        {"url": "https://siem.example.org:0/"},
        {"url": "https://siem.example.org:99999/"},
        {"url": "https://siem.example.org/a b"},
        {"url": "https://us:s3cret@siem.example.org/"},
        {"token": "s3cret"},
        {"token": "env:A", "user": "us", "password": "env:B"},
        {"user": "us"},
        {"proxy_user": "us", "proxy_password": "env:A"},
        {"proxy": "socks5://proxy:1080"},
        {"headers": {"Authorization": "Bearer s3cret"}},
        {"headers": {"X\r\nY": "1"}},
        {"headers": {"Host": "1"}},
        {"headers": {"X": "1\r\nY: 2"}},
        {"body": "array", "format": "cef"},
        {"packing": "brotli"},
        {"compress": True},
    ],
)
def test_invalid_options(golden: Golden, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"url": "https://siem.example.org", **options})
    golden(faults_of(raised))


def test_sending_before_it_is_open_and_closing_twice() -> None:
    output = Http("test", Options.model_validate({"url": "https://siem.example.org"}))
    with pytest.raises(Retry):
        output.send(entries(1))
    output.close()
    output.close()


def test_nothing_is_left_open(receiver: Receiver) -> None:
    """A hundred failures leave no open descriptors or threads."""
    output = opened(receiver.url)
    output.send(entries(1))
    output.close()
    descriptors, threads = held(), threading.active_count()
    for _ in range(20):
        receiver.script = [Fault(reset=True), Fault(503)]
        output.open()
        reported(output, Retry)
        reported(output, Retry)
        output.close()
    until(lambda: held() <= descriptors and threading.active_count() <= threads)
