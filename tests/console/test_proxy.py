"""Users that a proxy names in a header: accepted from its address only, with the role that the console gives them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from sensor.cli.main import main
from sensor.console.security.keys import ADMIN, READ
from sensor.console.security.proxy import BadProxy, proxy_of
from sensor.console.security.store import StateStore
from sensor.console.security.users import Users
from tests.console.kit import csrf_of

HEADER = "X-Forwarded-User"


def request(names: Sequence[str], peer: tuple[str, int] | None = ("10.0.0.5", 1)) -> Request:
    headers = [(HEADER.lower().encode(), name.encode("latin-1")) for name in names]
    return Request({"type": "http", "headers": headers, "client": peer})


def test_the_header_counts_once_and_from_the_peers_alone(tmp_path: Path) -> None:
    users = Users(StateStore(tmp_path))
    users.put("anna", "administrator")
    proxy = proxy_of(HEADER, ["10.0.0.5", "2001:db8::/64"], "")
    assert proxy is not None
    who = proxy.who(request(["anna"]), users)
    assert who is not None
    assert (who.name, who.scope) == ("anna", ADMIN)
    assert len(who.csrf) == 64
    assert proxy.who(request(["anna"], ("2001:db8::7", 1)), users) == who
    for others in (("10.0.0.6", 1), ("2001:db9::1", 1), ("127.0.0.1", 1), ("", 0), None):
        assert proxy.who(request(["anna"], others), users) is None
    for names in ([], ["anna", "anna"], ["anna", "root"], [""], [" "], ["nobody"], ["anna, root"]):
        assert proxy.who(request(names), users) is None


def test_others_get_the_role_that_was_named_and_forms_of_their_own(tmp_path: Path) -> None:
    """Other users get the configured role, each with its own form token; a unix socket has no peer address."""
    proxy, users = proxy_of(HEADER, ["unix"], "viewer"), Users(StateStore(tmp_path))
    assert proxy is not None
    guest, other = (proxy.who(request([name], None), users) for name in ("guest", "other"))
    assert guest is not None
    assert other is not None
    assert guest.scope == READ
    assert guest.csrf != other.csrf
    assert proxy.who(request(["guest"]), users) is None


@pytest.mark.parametrize(
    ("header", "peers", "role"),
    [
        ("", ["10.0.0.5"], ""),
        ("", [], "viewer"),
        (HEADER, [], ""),
        ("X Y", ["unix"], ""),
        (HEADER, ["proxy.example"], ""),
        (HEADER, ["10.0.0.5/8"], ""),
        (HEADER, ["0.0.0.0/0"], ""),
        (HEADER, ["::/0"], ""),
    ],
)
def test_options_that_make_no_sense_are_refused(header: str, peers: list[str], role: str) -> None:
    with pytest.raises(BadProxy):
        proxy_of(header, peers, role)


def test_without_the_options_there_is_no_proxy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert proxy_of("", [], "") is None
    assert main(["console", "--state", str(tmp_path), "--proxy-user", HEADER]) == 2
    assert "--proxy-from" in capsys.readouterr().err


def test_a_proxy_on_a_unix_socket_logs_users_in(start, own: Path, tmp_path: Path) -> None:
    """The user reads, acts only with the token of its forms, and logs out; without the header there is no user."""
    path = tmp_path / "s"
    running = start(
        own, "--listen", f"unix:{path}", "--proxy-user", HEADER, "--proxy-from", "unix", "--proxy-role", "analyst"
    )
    transport = httpx.HTTPTransport(uds=str(path))
    with httpx.Client(base_url=running.url, transport=transport, timeout=60) as client:
        assert client.get("/alerts").status_code == 401
        named = {HEADER: "petra"}
        page = client.get("/alerts", headers=named)
        assert page.status_code == 200
        assert "petra" in page.text
        fields = {
            "csrf": csrf_of(page.text),
            "name": "mine",
            "path": "/alerts",
            "query": "state=open",
            "action": "save",
        }
        assert client.post("/views/act", headers=named, data=fields | {"csrf": "x"}).status_code == 403
        assert client.post("/views/act", headers=named, data=fields).status_code == 303
        assert client.post("/views/act", headers={HEADER: "eve"}, data=fields).status_code == 403
        assert client.get("/users", headers=named).status_code == 403
        assert client.get("/api/v1/alerts", headers=named).status_code == 200
        assert client.post("/logout", headers=named, data={"csrf": fields["csrf"]}).status_code == 303
