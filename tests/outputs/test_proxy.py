"""Through a real small proxy: it opens tunnels, requires a login, allows some hosts, and resolves names; and errors of
the proxy.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sensor.core.output import Finding, Retry
from sensor.outputs.http import Http, Options
from tests.outputs.authority import Authority
from tests.outputs.batches import entries
from tests.outputs.listener import listener
from tests.outputs.receiver import Receiver

NAME = "siem.invalid"
LOGIN = ("us", "s3cret")


class Proxy:
    """Handler for ``listener``. ``port``: the real port of the destination; ``heads``: request heads it received."""

    def __init__(self, port: int, *, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.port, self.answer = port, answer
        self.heads: list[list[str]] = []

    def __call__(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (data := client.recv(1)):
                return
            head += data
        self.heads.append(head.decode().splitlines()[:-1])
        if (refused := self._refused()) is not None:
            client.sendall(refused)
            return
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            client.sendall(self.answer)
            back = threading.Thread(target=pump, args=(server, client))
            back.start()
            pump(client, server)
            back.join()

    def _refused(self) -> bytes | None:
        word = "Proxy-Authorization: Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
        if word not in self.heads[-1]:
            return (
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic "
                b"realm=x\r\nContent-Length: 3\r\n\r\nwho"
            )
        if not self.heads[-1][0].startswith("CONNECT "):
            return b"HTTP/1.1 405 CONNECT alone\r\nContent-Length: 0\r\n\r\n"
        if self.heads[-1][0].split()[1] != f"{NAME}:443":
            return b"HTTP/1.1 403 Forbidden by \x1b[31mpolicy\x1b[0m\r\nContent-Length: 0\r\n\r\n"
        return None if self.answer.startswith(b"HTTP/1.1 200") else self.answer


def pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with Receiver(tls=authority.issue("siem", (NAME,)).context()) as running:
        yield running


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY_SECRET", LOGIN[1])
    monkeypatch.setenv("WRONG", "wrong")


def output(authority: Authority, port: int, **options: Any) -> Http:
    reported = {
        "url": f"https://{NAME}/in",
        "proxy": f"http://127.0.0.1:{port}",
        "proxy_user": LOGIN[0],
        "proxy_password": "env:PROXY_SECRET",
        "timeout_s": 2,
    }
    return Http("siem", Options.model_validate({**reported, "tls": {"ca": str(authority.ca)}, **options}))


def sent(made: Http) -> str:
    """The reason why a batch is not delivered; empty if it was."""
    try:
        made.open()
        made.send(entries(3))
    except Retry as error:
        return str(error)
    finally:
        made.close()
    return ""


def steps(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.what, one.level) for one in findings]


def test_a_tunnel(authority: Authority, receiver: Receiver) -> None:
    """A tunnel by host name, with the proxy's login, which the destination does not see; a check verifies its
    certificate.
    """
    proxy = Proxy(receiver.port)
    with listener(proxy) as port:
        made = output(authority, port)
        assert sent(made) == ""
        found = list(made.check())
    assert len(receiver.store.lines) == 3
    assert all(head[0].startswith(f"CONNECT {NAME}:443 HTTP/1.") for head in proxy.heads)
    assert "proxy-authorization" not in receiver.requests[0].headers
    assert steps(found) == [("dns", "ok"), ("tcp", "ok"), ("proxy", "ok"), ("tls", "ok"), ("auth", "ok")]
    assert found[1].message.startswith("the proxy: 127.0.0.1 port")
    assert all(one in found[3].message for one in ("siem", "Test Authority"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"proxy_password": "env:WRONG"}, "407 Proxy Authentication Required (check "),
        (
            {"url": "https://other.invalid/in"},
            "403 Forbidden by  [31mpolicy [0m (",
        ),
        (
            {"url": f"https://{NAME}:8443/in"},
            "403 Forbidden by  [31mpolicy [0m (",
        ),
    ],
)
def test_a_proxy_that_refuses(authority: Authority, receiver: Receiver, options: dict[str, Any], expected: str) -> None:
    """A refusal of the proxy is quoted, cleaned, and reported with advice by send and by the check."""
    with listener(Proxy(receiver.port)) as port:
        made = output(authority, port, **options)
        reported = sent(made)
        *before, last = made.check()
    assert f": {expected}" in reported
    assert steps(before) == [("dns", "ok"), ("tcp", "ok")]
    assert (last.what, last.level, last.message) == ("proxy", "error", reported)
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway ("),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "504 Gateway Timeout ("),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "CONNECT"),
        (b"", "CONNECT"),
    ],
)
def test_a_proxy_that_cannot(authority: Authority, answer: bytes, expected: str) -> None:
    """A proxy that cannot reach the host, or a server that is no proxy, is reported."""
    with listener(Proxy(0, answer=answer)) as port:
        made = output(authority, port)
        assert sent(made) != ""
        *before, last = made.check()
    assert steps(before) == [("dns", "ok"), ("tcp", "ok")]
    assert (last.what, last.level) == ("proxy", "error")
    assert expected in last.message


def test_a_proxy_that_reports_nothing(authority: Authority) -> None:
    """A proxy that does not answer costs the time-out."""
    ended = threading.Event()
    with listener(lambda _: ended.wait(10)) as port:
        made = output(authority, port, timeout_s=0.3)
        *_, last = made.check()
        assert ": timed out" in last.message
        assert " within 0.3 s" in sent(made)
        ended.set()


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("expired", f"{NAME} expired on 20"),
        ("other name", "log.example"),
        ("stranger", "Strange"),
    ],
)
def test_a_wrong_certificate_behind_a_proxy(authority: Authority, case: str, expected: str) -> None:
    """A wrong certificate behind a proxy is reported as without one: the certificate, the reason and what to do."""
    contexts = {
        "expired": lambda: authority.issue("old", (NAME,), days=-3),
        "other name": lambda: authority.issue("other", ("log.example",)),
        "stranger": lambda: Authority(authority.folder, "Strange").issue("strange", (NAME,)),
    }
    with Receiver(tls=contexts[case]().context()) as receiver, listener(Proxy(receiver.port)) as port:
        made = output(authority, port)
        assert "certificate" in sent(made)
        *before, last = made.check()
    assert steps(before) == [("dns", "ok"), ("tcp", "ok"), ("proxy", "ok")]
    assert (last.what, last.level) == ("tls", "error")
    assert expected in last.message
    assert receiver.requests == []
