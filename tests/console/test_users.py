"""Users: the first uses a one-time link and sets a password; roles limit the actions of each; password guessing locks
the user, and changes are in the audit log.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sensor.console.api.openapi import BASE
from sensor.console.security.passwords import hashed, verified
from sensor.console.security.store import StateStore
from sensor.console.security.users import FAILURES, LOCKED_S, Users
from sensor.views.errors import Malformed
from tests.console.kit import FORM, Running, csrf_of, output_of

pytest.importorskip("cryptography.hazmat.primitives.kdf.argon2", reason="needs cryptography 44")
GOOD, OTHER = "correct horse battery", "another long password"


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def set_password(client: httpx.Client, password: str, current: str = "", again: str = "") -> httpx.Response:
    sent = {"csrf": csrf_of(client.get("/account").text), "password": password, "again": again or password}
    return client.post("/account", data=sent | {"current": current})


@contextlib.contextmanager
def log_in(there: Running, name: str, password: str) -> Iterator[httpx.Client]:
    """A browser after a login attempt."""
    with httpx.Client(base_url=there.url, timeout=60) as client:
        client.post("/login", data={"name": name, "password": password})
        yield client


def may_enter(there: Running, name: str, password: str) -> bool:
    with log_in(there, name, password) as client:
        return client.get("/").status_code == 200


def manage(client: httpx.Client, **fields: str) -> httpx.Response:
    return client.post("/users", data={"csrf": csrf_of(client.get("/users").text), **fields})


def audit_of(state: Path) -> list[tuple[str, str]]:
    lines = (state / "console-audit.jsonl").read_text().splitlines()
    return [(one["who"], one["action"]) for one in map(json.loads, lines)]


@pytest.mark.parametrize(("scope", "role"), [("read", "viewer"), ("write", "analyst"), ("admin", "administrator")])
def test_a_link_has_a_role(there: Running, scope: str, role: str) -> None:
    """The account page of a user without a password has the role of the link, which it keeps with a password."""
    with there.client("eve", scope) as client:
        assert f"Role: {role}," in client.get("/account").text
        assert set_password(client, GOOD).status_code == 303
        assert f"Role: {role}." in client.get("/account").text


def test_the_first_user_and_the_others(there: Running) -> None:
    """An administrator gets a link and sets a password, then a viewer does the same."""
    with there.client("anna", "admin") as anna:
        assert 'type="password"' not in httpx.get(there.url).text
        assert set_password(anna, GOOD).status_code == 303
        added = manage(anna, action="add", name="berta", role="viewer")
        link = html.unescape(re.findall(r"<code>(http[^<]+)</code>", added.text)[0])
    with httpx.Client(base_url=there.url, timeout=60) as berta:
        assert berta.post(link, headers=FORM).status_code == 303
        assert set_password(berta, OTHER).status_code == 303
        assert berta.get("/users").status_code == 403
        assert manage_without_page(berta).status_code == 403
        assert "/alerts/act" not in berta.get("/alerts").text.partition("data-rows")[2]
    with log_in(there, "berta", OTHER) as berta, log_in(there, "anna", GOOD) as anna:
        assert berta.get("/alerts").status_code == 200
        assert "/users" in anna.get("/alerts").text
        assert manage(anna, action="role", name="berta", role="analyst").status_code == 303
        name = re.findall(r"/alerts/(alert-\w+)", berta.get("/alerts").text)[0]
        sent = {"csrf": csrf_of(berta.get("/alerts").text), "action": "acknowledge", "alert": name}
        assert berta.post("/alerts/act", data=sent).status_code == 303
        assert manage(anna, action="remove", name="berta").status_code == 303
        assert berta.get("/alerts").status_code == 401
    assert not may_enter(there, "berta", OTHER)
    assert [one for one in audit_of(there.state) if one[1].startswith(("user", "password", "login by"))] == [
        ("anna", "password"), ("anna", "user add"), ("berta", "password"), ("berta", "login by password"),
        ("anna", "login by password"), ("anna", "user role"), ("anna", "user remove"),
    ]  # fmt: skip


def manage_without_page(client: httpx.Client) -> httpx.Response:
    sent = {"csrf": csrf_of(client.get("/account").text), "action": "role", "name": "berta", "role": "administrator"}
    return client.post("/users", data=sent)


def test_a_new_password_needs_the_old_one_and_ends_other_sessions(there: Running) -> None:
    with there.client("anna", "admin") as anna, there.client("anna", "admin") as elsewhere:
        assert set_password(anna, "short").status_code == 400
        assert set_password(anna, GOOD, again=OTHER).status_code == 400
        assert set_password(anna, GOOD).status_code == 303
        assert (anna.get("/").status_code, elsewhere.get("/").status_code) == (200, 401)
        assert set_password(anna, OTHER, current="a wrong password").status_code == 403
        assert set_password(anna, OTHER, current=GOOD).status_code == 303
        assert not may_enter(there, "anna", GOOD)
        assert may_enter(there, "anna", OTHER)
        content = (there.state / "console.db").read_bytes()
        assert not [word for word in (GOOD, OTHER) if word.encode() in content]


def test_who_guesses_is_locked_and_learns_nothing(there: Running) -> None:
    """Unknown names, wrong passwords and locked users get the same page; a link still works."""
    with there.client("anna", "admin") as anna:
        set_password(anna, GOOD)
    with httpx.Client(base_url=there.url, timeout=60) as thief:
        tries = [thief.post("/login", data={"name": "nobody", "password": GOOD})]
        tries += [thief.post("/login", data={"name": "anna", "password": f"guess {n}"}) for n in range(FAILURES)]
        tries += [thief.post("/login", data={"name": "anna", "password": GOOD})]
        assert {one.status_code for one in tries} == {401}
        assert len({one.text for one in tries}) == 1
    assert ("anna", "locked after failed logins") in audit_of(there.state)
    with there.client("anna", "admin") as anna:
        assert "locked" in anna.get("/users").text


def test_the_last_administrator_stays(there: Running) -> None:
    with there.client("anna", "admin") as anna:
        set_password(anna, GOOD)
        assert manage(anna, action="remove", name="anna").status_code == 400
        assert manage(anna, action="role", name="anna", role="viewer").status_code == 400
        assert manage(anna, action="add", name="anna", role="viewer").status_code == 400
        assert manage(anna, action="add", name="berta", role="king").status_code == 400
        assert manage(anna, action="role", name="nobody", role="viewer").status_code == 400
        assert manage(anna, action="add", name="<script>x</script>", role="administrator").status_code == 200
        assert "<script>x" not in anna.get("/users").text
        assert manage(anna, action="remove", name="anna").status_code == 303
        assert anna.get("/users").status_code == 401


def test_a_lock_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After fifteen minutes the right password works again, and failures count from zero."""
    users, clock = Users(StateStore(tmp_path)), [1_000_000.0]
    monkeypatch.setattr("sensor.console.security.users.time.time", lambda: clock[0])
    users.put("anna", "administrator")
    users.set_password("anna", GOOD)
    assert not any(users.check("anna", "wrong") for _ in range(FAILURES))
    assert not users.check("anna", GOOD)
    clock[0] += LOCKED_S + 1
    assert users.check("anna", GOOD)
    assert not any(users.check("anna", "wrong") for _ in range(FAILURES - 1))
    assert users.check("anna", GOOD)
    users.set_password("anna", "")
    assert not users.check("anna", "")


def test_hashes_have_salts_and_foreign_ones_match_nothing() -> None:
    first, second = hashed(GOOD), hashed(GOOD)
    assert first != second
    assert first.startswith("argon2id$19456$2$1$")
    assert verified(GOOD, first)
    assert not verified(OTHER, first)
    assert not verified("", "")
    assert not verified(GOOD, "plain$" + GOOD)


def test_a_console_of_an_earlier_version_gains_users(start, own: Path) -> None:
    """Sessions and links of an earlier version stay valid."""
    with sqlite3.connect(own / "console.db") as base:
        base.execute("CREATE TABLE tokens (id TEXT PRIMARY KEY, hash TEXT UNIQUE, name TEXT, scope TEXT, made REAL, until REAL, used REAL) STRICT")  # fmt: skip # noqa: E501
    base.close()
    with start(own).client("anna", "write") as anna:
        assert anna.get("/account").status_code == 200
        assert anna.get("/users").status_code == 403


def test_names_are_cleaned(tmp_path: Path) -> None:
    users = Users(StateStore(tmp_path))
    assert users.put("anna\x1b[31m\n", "viewer").isprintable()
    with pytest.raises(Malformed):
        users.put(" ", "viewer")


def test_tokens_of_programs(there: Running, own: Path) -> None:
    """An administrator sees the tokens with role, last use and end, and revokes one, which the audit log records; the
    name of a token is text. Others neither see nor revoke them.
    """
    secret = there.token("write")
    output_of("console", "token", "<b>old</b>", "--days", "1e-9", *there.users)
    with there.client("anna", "admin") as anna, there.client("berta", "write") as berta:
        assert httpx.get(f"{there.url}{BASE}/health", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        page = anna.get("/tokens").text
        assert ("&lt;b&gt;old" in page, page.count(">expired<"), page.count(">never<")) == (True, 1, 1)
        [(number, role)] = re.findall(r">program <span[^>]*>(token-\w+)</span></td>\s*<td[^>]*>(\w+)", page)
        assert role == "analyst"
        sent = {"token": number, "action": "revoke"}
        assert berta.get("/tokens").status_code == 403
        refused = berta.post("/tokens", data={"csrf": csrf_of(berta.get("/account").text), **sent})
        assert refused.status_code == 403
        sent["csrf"] = csrf_of(page)
        assert [anna.post("/tokens", data=sent).status_code for _ in range(2)] == [303, 400]
        assert number not in anna.get("/tokens").text
    assert httpx.get(f"{there.url}{BASE}/health", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert audit_of(own)[-1] == ("anna", "token revoke")
