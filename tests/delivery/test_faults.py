"""What an operator reads about a fault of a destination: in checks, status, process log and dead letters."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sensor.cli.main import main
from tests.delivery.scripted import dead
from tests.eventlog.segmented import line
from tests.golden import Golden
from tests.outputs.authority import Authority, Pair
from tests.outputs.listener import listener
from tests.outputs.receiver import Answer, Fault, Receiver, Request, Store

# Colours, the window title, C1 control characters, bidirectional characters, a forged line.
HOSTILE = (
    "mapping failed \x1b[31mred\x1b]0;title\x07 \x9b2J \u202eleft\u202c\r\nERROR all is well\tevil=1 " + "y" * 5000
)
STEERS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Reported(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Reported]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command on the configuration and the log of a folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path))
    (tmp_path / "events.jsonl").write_bytes(b"".join(line(number) for number in range(1, 21)))

    def call(*arguments: str, events: bool = True) -> Reported:
        code = main([*arguments, "--config", "sensor.yaml", *(["--events", "events.jsonl"] if events else [])])
        return Reported(code, *capsys.readouterr())

    return call


def write(text: str) -> None:
    Path("sensor.yaml").write_text(text)


# Answers of the destination.


def refusing(request: Request, store: Store) -> Answer:
    return Answer(400, HOSTILE.encode())


def busy(request: Request, store: Store) -> Answer:
    return Answer(503, HOSTILE.encode(), {"Retry-After": "0"})


def test_the_reason_of_a_server_that_rejects(run: Run, tmp_path: Path) -> None:
    """The reason is quoted, cut and cleaned in the process log, the dead letters and both forms of the status."""
    with Receiver(refusing) as receiver:
        write(f"outputs:\n  siem: {{type: http, url: '{receiver.url}', batch_events: 5}}\n")
        reported = run("forward", "--once")
        assert reported.code == 1
        assert "siem: 0 pending, 20 refused" in reported.err
        assert "mapping failed" in reported.err
        assert json.loads(run("outputs", "status", "--json").out)["last_delivered"] == 0
        letters = dead(tmp_path / "events.jsonl", "siem")
        assert [letter["seq"] for letter in letters] == list(range(1, 21))
        messages = letters[0]["answer"]
        assert messages.startswith(
            f"http://127.0.0.1:{receiver.port} answered 400 Bad Request: mapping failed  [31mred"
        )
        assert len(messages) <= 500
        texts = [reported.err, messages, run("outputs", "status").out, run("outputs", "status", "--json").out]
        # Standard error is no terminal here, so it has no colours of the sensor.
        assert not any(STEERS.search(text) for text in texts)
        assert not any(text.startswith("ERROR") for one in texts for text in one.splitlines())


def test_the_reason_of_a_server_that_is_busy(run: Run) -> None:
    """The status contains the answer, its time and the time of the next try; the check reports it as well."""
    with Receiver(busy) as receiver:
        write(f"outputs:\n  siem: {{type: http, url: '{receiver.url}', backoff_s: 0.01, backoff_max_s: 0.01}}\n")
        reported = run("forward", "--once")
        assert reported.code == 1
        assert "siem: 20 pending, 0 refused: http://127.0.0.1:" in reported.err
        status, as_json = run("outputs", "status"), run("outputs", "status", "--json")
        assert "answered 503 Service Unavailable: mapping failed" in status.out
        assert " ago)" in status.out
        assert json.loads(as_json.out)["error"].startswith(f"http://127.0.0.1:{receiver.port} answered 503")
        check, of_json = run("outputs", "check"), run("outputs", "check", "--json")
        for text in (reported.err, status.out, as_json.out, check.out, of_json.out):
            assert not STEERS.search(text)


@pytest.mark.parametrize("error", ["KeyError", "Retry"])
def test_words_that_come_by_a_fault_of_ours(run: Run, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    """An internal error may quote the peer: it is cleaned as well."""
    from sensor.core.output import Retry
    from sensor.outputs.file import File

    def send(*_: object) -> None:
        raise {"KeyError": KeyError, "Retry": Retry}[error](HOSTILE)

    monkeypatch.setattr(File, "send", send)
    write("outputs:\n  a: {type: file, path: out.jsonl, backoff_s: 0.01, backoff_max_s: 0.01}\n")
    reported = run("forward", "--once")
    assert reported.code == 1
    assert "mapping failed" in reported.err
    for text in (
        reported.err,
        run("outputs", "status").out,
        run("outputs", "status", "--json").out,
        run("outputs", "test").out,
        run("outputs", "test", "--json").out,
    ):
        assert not STEERS.search(text)


# The configuration.


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("outputs:\n  siem: {type: htpp, url: 'https://x'}\n", "sensor.yaml:2:16", "'htpp'"),
        (
            "outputs:\n  siem: {type: http, urll: 'https://x', url: 'https://x'}\n",
            "sensor.yaml:2:22",
            "'url'",
        ),
        (
            "outputs:\n  siem: {type: file, path: x, filter: {types: [priter]}}\n",
            "sensor.yaml:2:",
            "'printer'",
        ),
        (
            "outputs:\n  siem: {type: file, path: x, filter: {vlans: [30, 5000]}}\n",
            "sensor.yaml:2:",
            "5000",
        ),
    ],
)
def test_what_cannot_be_meant(run: Run, text: str, place: str, expected: str) -> None:
    """Unknown types, keys and filters that match nothing are reported with their place, by every command that uses
    them.
    """
    write(text)
    for command in (("config", "check"), ("outputs", "status"), ("outputs", "check"), ("forward", "--once")):
        reported = run(*command, events=command[0] != "config")
        assert reported.code == 2
        assert place in reported.err
        assert expected in reported.err


@pytest.mark.parametrize(
    ("options", "place", "expected"),
    [
        (
            "url: 'http://127.0.0.1:1', token: 'env:SENSOR_NOT_SET'",
            "sensor.yaml:2:",
            "env:SENSOR_NOT_SET",
        ),
        (
            "url: 'http://127.0.0.1:1', token: 'file:/none/token'",
            "sensor.yaml:2:",
            "file:/none/token",
        ),
        ("url: 'http://siem.invalid:9200'", "sensor.yaml:2:", " siem.invalid "),
        ("url: 'https://127.0.0.1:1', tls: {ca: none.pem}", "sensor.yaml:2:", "none.pem"),
    ],
)
def test_what_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch, options: str, place: str, expected: str) -> None:
    """Missing secrets, hosts and files are reported by check and status; another output delivers everything."""
    looked_up = socket.getaddrinfo

    def known(host: str, *args: object, **named: object) -> object:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return looked_up(host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", known)
    write(
        f"outputs:\n  siem: {{type: http, {options}, backoff_s: 0.01, backoff_max_s: 0.01}}\n  archive: "
        f"{{type: file, path: out.jsonl}}\n"
    )
    reported = run("config", "check", events=False)
    assert reported.code == 2
    assert f"{place}" in reported.err
    assert expected in reported.err
    assert run("forward", "--once").code == 1
    siem, archive = map(json.loads, run("outputs", "status", "--json").out.splitlines())
    assert expected in siem["error"]
    assert (siem["pending"], archive["pending"], archive["delivered"]) == (20, 0, 20)
    assert expected in run("outputs", "status").out


def test_secrets_of_systemd(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``credential:NAME`` is read from the folder of systemd and never shown. A missing one is named; once it is back
    it is used without a restart.
    """
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "siem").write_text("s3cret-token\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    with Receiver() as receiver:
        write(
            f"outputs:\n  siem: {{type: http, url: '{receiver.url}', token: 'credential:siem', backoff_s: "
            f"0.01, backoff_max_s: 0.01}}\n"
        )
        assert run("config", "check", events=False).code == 0
        (tmp_path / "credentials" / "siem").rename(tmp_path / "away")
        reported = [
            run("config", "check", events=False),
            run("outputs", "check"),
            run("forward", "--once"),
            run("outputs", "status"),
        ]
        assert [one.code for one in reported] == [2, 1, 1, 1]
        assert all(
            secret in one.err + one.out for one in reported for secret in ("credential:siem", os.strerror(errno.ENOENT))
        )
        (tmp_path / "away").rename(tmp_path / "credentials" / "siem")
        reported += [
            run("forward", "--once"),
            run("outputs", "check"),
            run("outputs", "list", "--json"),
            run("config", "show", events=False),
        ]
        assert [one.code for one in reported[4:]] == [0, 0, 0, 0]
        assert receiver.requests[0].headers["authorization"] == "Bearer s3cret-token"
        assert len(receiver.store.lines) == 20
    assert not any("s3cret" in one.out + one.err for one in reported)


def test_a_test_event_keeps_what_is_hidden(run: Run) -> None:
    """The test event respects the redaction of the sensor's name."""
    write(
        "sensor: {id: vault-7, site: Basel}\noutputs:\n  a: {type: file, path: out.jsonl, redact: "
        "[sensor.site], fields: [facts.check]}\n"
    )
    assert run("outputs", "test").code == 0
    (sent,) = map(json.loads, Path("out.jsonl").read_text().splitlines())
    assert sent["sensor"]["site"].startswith("#")
    assert sent["facts"] == {"check": "sensor.test"}


# Destinations.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def refused() -> contextlib.AbstractContextManager[int]:
    """A port without a listener."""

    @contextlib.contextmanager
    def free() -> Iterator[int]:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            yield bound.getsockname()[1]

    return free()


def tls_server(
    pair: Pair, *, clients: Path | None = None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> contextlib.AbstractContextManager[int]:
    shown = pair.context(clients)
    shown.maximum_version = newest

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), shown.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    return listener(serve)


Server = Callable[[Authority], contextlib.AbstractContextManager[int]]
TLS: dict[str, tuple[Server, str, str]] = {
    "nobody": (lambda _: refused(), "", "tcp: connection refused: no service listens on this port"),
    "other name": (
        lambda a: tls_server(a.issue("other", ("log.example",))),
        "",
        "tls: the certificate is for log.example, not for localhost",
    ),
    "expired": (lambda a: tls_server(a.issue("old", days=-3)), "", "tls: the certificate of localhost expired on 20"),
    "stranger": (
        lambda a: tls_server(Authority(a.folder, "Strange").issue("strange")),
        "",
        "tls: the certificate of localhost comes from Strange, ",
    ),
    "by itself": (
        lambda a: tls_server(a.self_signed("alone")),
        "",
        "tls: the certificate of localhost is self-signed",
    ),
    "too old": (
        lambda a: tls_server(a.issue("past"), newest=ssl.TLSVersion.TLSv1_2),
        "minimum: '1.3'",
        "it supports no allowed TLS version",
    ),
    "ours missing": (lambda a: tls_server(a.issue("asks"), clients=a.ca), "", "client certificate"),
    "no tls": (
        lambda _: listener(lambda connection: (connection.sendall(b"220 hello\r\n"), connection.recv(1 << 16))),
        "",
        "it does not use TLS on this port",
    ),
}


@pytest.mark.parametrize("case", TLS)
@pytest.mark.parametrize("kind", ["syslog", "http"])
def test_a_check_reports_faults_on_the_way(run: Run, authority: Authority, kind: str, case: str) -> None:
    """Each kind of output reports a fault in the same terms, on one line with the output, the step and advice; exit
    code 1.
    """
    server, tls, expected = TLS[case]
    with server(authority) as port:
        place = (
            f"host: localhost, port: {port}, transport: tls" if kind == "syslog" else f"url: 'https://localhost:{port}'"
        )
        write(f"outputs:\n  siem: {{type: {kind}, {place}, timeout_s: 2, tls: {{ca: {authority.ca}, {tls}}}}}\n")
        reported = run("outputs", "check")
    assert reported.code == 1
    *before, last = reported.out.splitlines()
    assert all(re.match(r"siem +ok +(dns|tcp): ", one) for one in before)
    assert last.startswith("siem  error    ")
    assert expected in last


def test_a_requested_client_certificate(run: Run, authority: Authority) -> None:
    """With the client certificate the same server accepts the connection."""
    ours = authority.issue("sensor", client=True)
    with Receiver(tls=authority.issue("server").context(authority.ca)) as receiver:
        tls = f"ca: {authority.ca}, certificate: {ours.certificate}, key: {ours.key}, minimum: '1.3'"
        write(f"outputs:\n  siem: {{type: http, url: '{receiver.url}', tls: {{{tls}}}}}\n")
        assert run("outputs", "check").code == 0
        assert run("forward", "--once").code == 0
        assert len(receiver.store.lines) == 20


@pytest.mark.parametrize(("status", "expected"), [(401, "answered 401 Unauthorized"), (403, "answered 403 Forbidden")])
def test_a_check_reports_that_we_may_not(run: Run, status: int, expected: str) -> None:
    """The check reports the account and its missing permission."""
    with Receiver() as receiver:
        receiver.script = [Fault(status)]
        write(f"outputs:\n  siem: {{type: http, url: '{receiver.url}'}}\n")
        reported = run("outputs", "check")
    assert reported.code == 1
    assert f"auth: {receiver.url} {expected}" in reported.out.splitlines()[-1]
    assert all(option in reported.out for option in ("token", "user", "password", "secret_headers"))


def test_a_check_reports_that_a_file_cannot_be_written(golden: Golden, run: Run, tmp_path: Path) -> None:
    """A folder in place of the file, or a file in place of the folder, is reported."""
    (tmp_path / "plain").write_text("")
    write("outputs:\n  a: {type: file, path: .}\n  b: {type: file, path: plain/out.jsonl}\n")
    reported = run("outputs", "check")
    assert reported.code == 1
    first, second = reported.out.splitlines()
    assert "a  error    permission: " in first
    golden([first, second])
