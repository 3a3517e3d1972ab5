"""Passkeys: added on the account page, they log in without a name and a password. Responses that are old, of another
site, of another session or without user verification are rejected, and failures lock the user.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("webauthn", reason="needs webauthn")

from sensor.console.listen_address import place_of
from sensor.console.security import challenges
from sensor.console.security.attempts import MOST
from sensor.console.security.challenges import LASTS_S, Challenges
from sensor.console.security.relying_party import BadPasskey, claims_of, party_of
from sensor.console.security.users import FAILURES
from tests.console.authenticator import PRESENT, Authenticator
from tests.console.kit import Running, csrf_of
from tests.console.test_users import GOOD, audit_of, manage, set_password


@pytest.fixture
def there(start: Callable[..., Running], own: Path) -> Running:
    return start(own)


@pytest.fixture
def key(there: Running) -> Authenticator:
    return Authenticator(there.url.replace("127.0.0.1", "localhost"))


def options(client: httpx.Client, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/passkeys/{kind}").json()
    return found


def submit(client: httpx.Client, response: str, **fields: str) -> int:
    """The status of adding a passkey."""
    sent = {"csrf": csrf_of(client.get("/account").text), "name": "laptop", "credential": response, **fields}
    return client.post("/passkeys/add", data=sent).status_code


def add(client: httpx.Client, key: Authenticator, **fields: str) -> int:
    return submit(client, key.register(options(client, "add")), **fields)


@contextlib.contextmanager
def visitor(there: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=there.url, timeout=60) as client:
        yield client


def log_in(there: Running, key: Authenticator, response: str = "") -> tuple[int, str]:
    """The status of a login, and its page."""
    with visitor(there) as client:
        response = response or key.log_in(options(client, "login"))
        answer = client.post("/passkeys/login", data={"credential": response})
        return answer.status_code, answer.text


def test_a_login_is_valid_once(there: Running, key: Authenticator) -> None:
    with there.client("anna", "admin") as anna, visitor(there) as thief:
        assert add(anna, key) == 303
        response = key.log_in(options(thief, "login"))
        assert log_in(there, key, response)[0] == 303
        assert log_in(there, key, response)[0] == 401
        assert log_in(there, key)[0] == 303
        assert add(anna, key) == 400, "the authenticator is registered"


@pytest.mark.parametrize(
    ("name", "value"), [("flags", PRESENT), ("origin", "https://sensor.example.org"), ("party", "example.org")]
)
def test_unverified_and_foreign_responses_are_refused(
    there: Running, key: Authenticator, name: str, value: Any
) -> None:
    """A registration and a login without user verification, for another origin, and for another RP ID are rejected."""
    with there.client("anna", "admin") as anna:
        usual = getattr(key, name)
        setattr(key, name, value)
        assert add(anna, key) == 403
        setattr(key, name, usual)
        assert add(anna, key) == 303
    assert log_in(there, key)[0] == 303
    setattr(key, name, value)
    assert log_in(there, key)[0] == 401
    assert ("anna", "passkey refused") in audit_of(there.state)


def test_a_registration_belongs_to_its_session(there: Running, key: Authenticator) -> None:
    """A response to the options of another user, to those of a login, or used a second time, adds no passkey."""
    with there.client("anna", "admin") as anna, there.client("berta", "write") as berta:
        requested = options(anna, "add")
        assert submit(berta, key.register(requested)) == 403
        assert submit(anna, key.register({**requested, "challenge": options(anna, "login")["challenge"]})) == 403
        response = key.register(options(anna, "add"))
        assert submit(anna, response) == 303
        assert submit(anna, response) == 403
        assert options(anna, "add")["excludeCredentials"][0]["id"] == json.loads(response)["id"]
        assert not options(berta, "add").get("excludeCredentials")
        sent = {"csrf": csrf_of(berta.get("/account").text), "passkey": json.loads(response)["id"]}
        assert berta.post("/passkeys/remove", data=sent).status_code == 400
        assert anna.post("/passkeys/remove", data={**sent, "csrf": "another"}).status_code == 403
    with visitor(there) as client:
        assert client.get("/passkeys/add").status_code == 401
    assert log_in(there, key)[0] == 303


def test_a_password_guards_new_passkeys(there: Running, key: Authenticator) -> None:
    """An open session alone cannot add an authenticator; a copied one and another user's handle are rejected."""
    with there.client("anna", "admin") as anna:
        set_password(anna, GOOD)
        assert add(anna, key) == 403
        assert add(anna, key, current="a wrong password") == 403
        assert add(anna, key, current=GOOD) == 303
    assert log_in(there, key)[0] == 303
    key.counter -= 1
    assert log_in(there, key)[0] == 401, "the signature counter of a copy"
    key.counter += 5
    key.handle = b"another user"
    assert log_in(there, key)[0] == 401


def test_failures_lock_the_user_and_reveal_nothing(there: Running, key: Authenticator) -> None:
    with there.client("anna", "admin") as anna:
        assert add(anna, key) == 303
    unknown = Authenticator(key.origin)
    unknown.id, unknown.handle = b"another credential", key.handle
    pages = [log_in(there, unknown)]
    key.flags = PRESENT
    pages += [log_in(there, key) for _ in range(FAILURES)]
    key.flags |= 0x04
    pages.append(log_in(there, key))
    assert {status for status, _ in pages} == {401}
    assert len({text for _, text in pages}) == 1
    assert ("anna", "locked after failed logins") in audit_of(there.state)


def test_a_flood_of_responses_is_limited(there: Running, key: Authenticator) -> None:
    """After some failures within a minute no passkey login is possible; hostile responses crash nothing."""
    with there.client("anna", "admin") as anna:
        assert add(anna, key) == 303
        hostile = ["", "{}", "[" * 50_000, "\x00", "null", '{"id": 1}', "x" * 70_000, json.dumps({"id": "\ud800"})]
        for number in range(MOST):
            assert log_in(there, key, hostile[number % len(hostile)] or " ")[0] == 401
        assert log_in(there, key)[0] == 401
        assert submit(anna, hostile[2]) == 403
        assert anna.get("/").status_code == 200


def test_an_administrator_removes_them(there: Running, key: Authenticator) -> None:
    """Passkeys are removed with the password, or with the user; they do not log in another user of the same name."""
    other = Authenticator(key.origin)
    other.id = b"second credential"
    with there.client("anna", "admin") as anna, there.client("berta", "write") as berta:
        assert add(anna, key) == 303
        assert add(berta, other) == 303
        assert manage(anna, action="reset", name="berta").status_code == 200
        assert berta.get("/").status_code == 401
        assert log_in(there, other)[0] == 401
        assert manage(anna, action="add", name="carla", role="viewer").status_code == 200
    with there.client("carla", "read") as carla, there.client("anna", "admin") as anna:
        assert add(carla, other) == 303
        assert manage(anna, action="remove", name="carla").status_code == 303
        manage(anna, action="add", name="carla", role="administrator")
    assert log_in(there, other)[0] == 401
    assert log_in(there, key)[0] == 303


@pytest.mark.parametrize(
    ("listen", "public", "expected"),
    [
        ("127.0.0.1:8765", "", ("localhost", "http://localhost:8765")),
        ("[::1]:80", "", ("localhost", "http://localhost")),
        ("unix:/run/x.sock", "https://Sensor.example.net:443/", ("sensor.example.net", "https://sensor.example.net")),
        ("unix:/run/x.sock", "https://sensor.example.net:8443", ("sensor.example.net", "https://sensor.example.net:8443")),
        ("unix:/run/x.sock", "https://192.0.2.1", None),
        ("unix:/run/x.sock", "http://sensor.example.net", None),
    ],
)  # fmt: skip
def test_the_relying_party_comes_from_the_configuration(listen: str, public: str, expected: Any) -> None:
    """Browsers permit passkeys for host names, over HTTPS or at localhost."""
    assert party_of(place_of(listen, public=public)) == expected


def test_challenges_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000]
    monkeypatch.setattr(challenges, "_now", lambda: clock[0])
    made = Challenges()
    first, second = made.new("login"), made.new("login")
    assert not made.use("add anna", first)
    assert not Challenges().use("login", first), "of another process"
    assert not made.use("login", first[:-1] + bytes([first[-1] ^ 1]))
    assert made.use("login", first)
    assert not made.use("login", first)
    clock[0] += LASTS_S
    assert not made.use("login", second)
    assert not made.use("login", first)


def test_responses_are_read_with_a_limit() -> None:
    with pytest.raises(BadPasskey, match="65,536"):
        claims_of("1" * 70_000, login=True)
