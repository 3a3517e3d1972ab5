"""Several consoles of a hub behind a load balancer: users, sessions, lockouts, saved views, undo and the audit log are
those of the hub, with the code of a sensor's console. Users of an earlier version are moved there.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sensor.cli.main import main
from sensor.console.app import app_of
from sensor.console.listen_address import place_of
from sensor.console.saved_views import SavedViews
from sensor.console.security.challenges import LASTS_S, Challenges
from sensor.console.security.keys import Keys
from sensor.console.security.passkeys import MOST, Passkeys
from sensor.console.security.relying_party import Registered
from sensor.console.security.store import FILE, StateStore, Store
from sensor.console.security.users import FAILURES, Users
from sensor.console.serve import console_of
from sensor.console.visits import Visit, Visits
from sensor.hub.console.connections import Connections
from sensor.hub.console.local_users import MOVED, move_users
from sensor.hub.console.scopes import SiteScopes
from sensor.hub.console.shared import UNDONE_S, shared_of
from sensor.hub.database import grant_reader
from sensor.views.errors import Malformed, NotReadable, Unknown
from tests.console.kit import Running, csrf_of, output_of
from tests.hub.hub_kit import HubServers, hub_file

PASSWORD = "correct horse battery staple"


@pytest.fixture
def empty(servers: HubServers) -> HubServers:
    servers.empty()
    return servers


@pytest.fixture(params=["file", "hub"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The database of a sensor's console, and that of a hub."""
    if request.param == "file":
        return StateStore(tmp_path)
    servers: HubServers = request.getfixturevalue("empty")
    return servers.shared.store


def test_sessions_tokens_and_links(store: Store) -> None:
    keys = Keys(store)
    link = keys.link("anna", "write")
    assert (keys.peek(link), keys.peek("other")) == ("anna", "")
    session = keys.begin(link)
    assert keys.begin(link) == ""
    who = keys.session(session)
    assert who is not None
    assert (who.name, who.may_write, len(who.csrf) > 20) == ("anna", True, True)
    keys.rescope("anna", "read")
    other = keys.open("anna", "admin")
    found = keys.session(session)
    assert found is not None
    assert not found.may_write
    keys.end_all("anna", but=other)
    assert (keys.session(session), keys.session(other) is not None) == (None, True)
    keys.end(other)
    assert keys.session(other) is None
    number, secret = keys.add_token("program", "read", 1)
    assert [one.id for one in keys.tokens()] == [number]
    assert keys.token(secret) is not None
    assert [keys.revoke(number), keys.revoke(number), keys.token(secret)] == [True, False, None]


def test_users_are_locked_after_failures(store: Store) -> None:
    """FAILURES in a row lock a user; a login in between starts again. The last administrator stays."""
    users = Users(store)
    users.put("root", "administrator")
    users.put("anna", "viewer")
    users.set_password("anna", PASSWORD)
    for _ in range(2):
        assert not any(users.check("anna", "no") for _ in range(FAILURES - 1))
        assert users.check("anna", PASSWORD)
    assert not any(users.check("anna", "no") for _ in range(FAILURES))
    anna = users.get("anna")
    assert anna is not None
    assert (anna.locked, users.check("anna", PASSWORD)) == (True, False)
    users.set_password("anna", PASSWORD)
    assert users.check("anna", PASSWORD)
    for name in ("root", " "):
        with pytest.raises(Malformed):
            users.put(name, "viewer")
    with pytest.raises(Malformed):
        users.remove("root")
    users.remove("anna")
    with pytest.raises(Unknown):
        users.remove("anna")
    assert [user.name for user in users.all()] == ["root"]
    assert not users.check("ro\0ot", "no")


def test_passkeys_of_a_user(store: Store) -> None:
    passkeys = Passkeys(store)
    handle = passkeys.handle("anna")
    assert passkeys.handle("anna") == handle
    passkeys.add("anna", "hub.example", "laptop", Registered(b"\x00\xff", b"key", 1))
    with pytest.raises(Malformed):
        passkeys.add("bert", "hub.example", "copy", Registered(b"\x00\xff", b"key", 1))
    found = passkeys.get(b"\x00\xff")
    assert found is not None
    assert (found.user, found.handle, found.key, found.name) == ("anna", handle, b"key", "laptop")
    passkeys.used(found.id, 7)
    assert [(one.counter, one.seen > 0) for one in passkeys.of("anna")] == [(7, True)]
    assert (passkeys.any("hub.example"), passkeys.any("other"), passkeys.counts()) == (True, False, {"anna": 1})
    for number in range(MOST - 1):
        passkeys.add("anna", "hub.example", "", Registered(bytes([number, 1]), b"key", 0))
    with pytest.raises(Malformed):
        passkeys.add("anna", "hub.example", "", Registered(b"more", b"key", 0))
    with pytest.raises(Unknown):
        passkeys.remove("bert", found.id)
    passkeys.remove("anna", found.id)
    passkeys.remove_all("anna")
    assert (passkeys.of("anna"), passkeys.handle("anna") == handle) == ([], False)


def test_saved_views_and_visits(store: Store) -> None:
    views, visits = SavedViews(store), Visits(store)
    views.save("/alerts", "b", "anna", "severity=low")
    views.save("/alerts", "A 100%?", "anna", "severity=high")
    assert views.save("/alerts", "A 100%?", "bert", "severity=critical") == "A 100%?"
    found = [(view.name, view.owner, view.given) for view in views.of("/alerts")]
    assert found == [("A 100%?", "bert", {"severity": ["critical"]}), ("b", "anna", {"severity": ["low"]})]
    assert views.remove(str(views.of("/alerts")[0].number)) == "/alerts"
    with pytest.raises(Malformed):
        views.remove("1000000")
    assert visits.come("anna", "office", 10, 1e6) is None
    assert visits.come("anna", "office", 20, 2e6) == Visit(10, 1e6)


def test_sites_end_with_their_user(empty: HubServers) -> None:
    """Also if they were set before the first user was added."""
    scopes, users = SiteScopes(empty.shared.store), Users(empty.shared.store)
    users.put("root", "administrator")
    for name in ("anna", "root"):
        scopes.put(name, ["Berlin"])
    users.put("anna", "viewer")
    users.remove("anna")
    assert [scopes.of(name) for name in ("anna", "root")] == [(), ("Berlin",)]


def test_a_challenge_is_used_once_among_all_consoles(empty: HubServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """One console issues it, another accepts it; a console of another hub does not."""
    place = empty.hub.settings.database
    one, other = (shared_of(Connections(place, keep=False)).challenges for _ in range(2))
    challenge = one.new("login")
    assert not Challenges().use("login", challenge)
    assert not other.use("register", challenge)
    assert [other.use("login", challenge), one.use("login", challenge), other.use("login", challenge)] == [
        True, False, False,
    ]  # fmt: skip
    late = one.new("login")
    now = time.time()
    monkeypatch.setattr("sensor.console.security.challenges.time.time", lambda: now + LASTS_S + 1)
    assert not other.use("login", late)
    assert other.use("login", one.new("login"))
    assert empty.queried("SELECT count(*) FROM console.challenges") == [(1,)]


def test_a_write_at_one_console_is_undone_at_another(empty: HubServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, by its user, within a day."""
    place = empty.hub.settings.database
    one, other = (shared_of(Connections(place, keep=False)).undo for _ in range(2))
    name = one.keep("anna", "all sites", "2 devices", "/devices/undo", numbers=["3", "4"])
    assert other.look(name, "eve") is None
    assert other.take(name, "eve") is None
    found = other.look(name, "anna")
    assert found is not None
    assert (found.text, found.path, list(found.numbers)) == ("2 devices", "/devices/undo", ["3", "4"])
    assert other.take(name, "anna") == found
    assert one.take(name, "anna") is None
    late, now = one.keep("anna", "all sites", "1 device", "/devices/undo", numbers=["5"]), time.time()
    monkeypatch.setattr("sensor.hub.console.shared.time.time", lambda: now + UNDONE_S + 1)
    assert other.look(late, "anna") is None
    one.keep("anna", "all sites", "1 device", "/devices/undo", numbers=["6"])
    assert empty.queried("SELECT count(*) FROM console.undo") == [(1,)]


@pytest.fixture
def both(empty: HubServers, tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    """Two consoles with a state folder each. A load balancer gives both the same name."""
    with empty.base() as base:
        if not base.execute("SELECT 1 FROM pg_roles WHERE rolname = 'hub_reader'").fetchone():
            base.execute("CREATE ROLE hub_reader NOLOGIN")
        grant_reader(base, "hub_reader", ["*"])
    file, running = hub_file(empty, tmp_path), list[Running]()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        running.append(Running(tmp_path / name, "--hub", str(file)))
    empty.limit(anna=["*"], root=["*"], program=["*"])
    yield running[0], running[1]
    for one in running:
        one.stop()


def test_a_session_of_one_console_is_one_of_the_other(both: tuple[Running, Running], empty: HubServers) -> None:
    """The requests of a browser reach both consoles in turn; so do those of a program."""
    one, other = both
    with one.client() as first, other.client("eve") as second:
        second.cookies = first.cookies
        assert "anna" in second.get("/").text
        answer = second.post("/views/act", data=_view(second))
        assert answer.status_code == 303
        assert "my view" in first.get("/alerts").text
        assert first.post("/logout", data={"csrf": csrf_of(first.get("/alerts").text)}).status_code == 303
        assert second.get("/").status_code == 401
    headers = {"Authorization": f"Bearer {one.token()}"}
    assert httpx.get(f"{other.url}/api/v1/alerts", headers=headers).status_code == 200
    number = output_of("console", "tokens", "--json", *one.users).split('"')[3]
    output_of("console", "revoke", number, *other.users)
    assert httpx.get(f"{one.url}/api/v1/alerts", headers=headers).status_code == 401
    audited = [(entry["who"], entry["action"]) for entry in empty.audited()]
    assert audited.count(("anna", "login")) == 1
    assert audited.count(("anna", "logout")) == 1


def _view(client: httpx.Client) -> dict[str, str]:
    page = client.get("/alerts?severity=high").text
    return {"csrf": csrf_of(page), "action": "save", "path": "/alerts", "name": "my view", "query": "severity=high"}


def test_failures_at_both_consoles_lock_a_user(both: tuple[Running, Running], empty: HubServers) -> None:
    users = Users(empty.shared.store)
    users.put("anna", "analyst")
    users.set_password("anna", PASSWORD)

    def login(running: Running, password: str) -> int:
        form = {"name": "anna", "password": password}
        return httpx.post(f"{running.url}/login", data=form).status_code

    codes = [login(both[number % 2], "no") for number in range(FAILURES)]
    assert codes == [401] * FAILURES
    assert [login(running, PASSWORD) for running in both] == [401, 401]
    assert ("anna", "locked after failed logins") in [(one["who"], one["action"]) for one in empty.audited()]
    users.set_password("anna", PASSWORD)
    assert [login(running, PASSWORD) for running in both] == [303, 303]


def test_readers_of_the_database_do_not_see_users(empty: HubServers) -> None:
    """Roles of `sensor hub reader` cannot use the schema, not even with all sites."""
    with empty.base() as base:
        base.execute("DROP ROLE IF EXISTS curious")
        base.execute("CREATE ROLE curious NOLOGIN")
        grant_reader(base, "curious", ["*"])
        seen = base.execute("SELECT has_schema_privilege('curious', 'console', 'USAGE')").fetchone()
        base.execute("DROP OWNED BY curious")
        base.execute("DELETE FROM site_access WHERE role = 'curious'")
        base.execute("DROP ROLE curious")
    assert seen == (False,)


class Lost:
    """A database that cannot be reached."""

    def create(self, schema: str) -> None: ...

    def connected(self) -> Any:
        raise NotReadable("the connection was lost")


def test_a_console_without_its_database(empty: HubServers, tmp_path: Path) -> None:
    """A page and the API report that the user is unknown, not that there is none."""
    app = app_of(console_of(tmp_path, place_of("127.0.0.1:0"), shared=empty.shared._replace(store=Lost())))

    async def answers() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", cookies={"sensor": "x"}) as one:
            return [await one.get(path) for path in ("/alerts", "/api/v1/alerts")]

    page, answer = asyncio.run(answers())
    assert (page.status_code, answer.status_code, answer.json()["code"]) == (503, 503, "unavailable")


def test_users_of_an_earlier_version_are_moved_once(empty: HubServers, tmp_path: Path) -> None:
    """With passwords, sessions, tokens, passkeys, views and sites. A name that the hub has is of another person."""
    own, hub = StateStore(tmp_path), empty.shared.store
    keys, users, passkeys = Keys(own), Users(own), Passkeys(own)
    for name in ("root", "anna", "eve"):
        users.put(name, "administrator")
        users.set_password(name, PASSWORD)
        passkeys.handle(name)
        passkeys.add(name, "hub.example", "laptop", Registered(name.encode(), b"key", 1))
    sessions = {name: keys.open(name, "admin") for name in ("root", "anna", "eve")}
    _, token = keys.add_token("program", "read", 1)
    SavedViews(own).save("/alerts", "mine", "anna", "severity=high")
    Visits(own)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as base, base:
        base.execute("CREATE TABLE site_scopes (name TEXT, site TEXT, PRIMARY KEY (name, site)) STRICT")
        rows = [("anna", "Berlin"), ("eve", "*"), ("program", "Paris")]
        base.executemany("INSERT INTO site_scopes VALUES (?, ?)", rows)
    Users(hub).put("eve", "viewer")
    assert move_users(tmp_path, hub)
    assert not move_users(tmp_path, hub)
    assert (tmp_path / MOVED).exists()
    assert [(user.name, user.role) for user in Users(hub).all()] == [
        ("anna", "administrator"), ("eve", "viewer"), ("root", "administrator"),
    ]  # fmt: skip
    assert [Users(hub).check(name, PASSWORD) for name in ("anna", "eve")] == [True, False]
    assert [Keys(hub).session(secret) is not None for secret in sessions.values()] == [True, True, False]
    assert Keys(hub).token(token) is not None
    assert Passkeys(hub).counts() == {"anna": 1, "root": 1}
    assert [SiteScopes(hub).of(name) for name in ("anna", "eve", "program", "root")] == [
        ("Berlin",), (), ("Paris",), (),
    ]  # fmt: skip
    assert [view.name for view in SavedViews(hub).of("/alerts")] == ["mine"]


def test_sites_of_the_first_versions(empty: HubServers, tmp_path: Path) -> None:
    """In their table, no row was all sites."""
    keys = Keys(StateStore(tmp_path))
    keys.add_token("program", "read", 1)
    keys.link("anna", "write")
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as base, base:
        base.execute("CREATE TABLE user_sites (name TEXT, site TEXT, PRIMARY KEY (name, site)) STRICT")
        base.execute("INSERT INTO user_sites VALUES ('anna', 'Berlin')")
    assert move_users(tmp_path, empty.shared.store)
    scopes = SiteScopes(empty.shared.store)
    assert [scopes.of(name) for name in ("anna", "program", "new")] == [("Berlin",), None, ()]


def test_commands_need_the_database_of_the_hub(tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text("nats: {servers: ['nats://127.0.0.1:1']}\ndatabase: {url: 'postgresql://a:b@127.0.0.1:1/x'}\n")
    for words in (("login", "anna"), ("token", "program"), ("tokens",), ("sites", "anna", "*")):
        assert main(["console", *words, "--hub", str(file)]) == 3
