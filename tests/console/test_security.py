"""Who may use the console, from where, and the headers of every response. The attacker is another page in the same
browser, or another host.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from sensor.console.app import app_of
from sensor.console.listen_address import place_of
from sensor.console.security.keys import LINK_S, SESSION_S, Keys
from sensor.console.security.store import FILE, StateStore
from sensor.console.serve import console_of
from tests.console.kit import FORM, Running, act, csrf_of

PATHS = (
    "/",
    "/alerts",
    "/nothing",
    "/static/console.css",
    "/static/nothing",
    "/login/x",
    "/api/v1/alerts",
    "/alerts?severity=x",
)


def test_without_a_session_nothing_is_shown(office: Running) -> None:
    """Every page shows only the login (401); the API requires a token."""
    with httpx.Client(base_url=office.url) as untrusted:
        for path in (
            "/",
            "/alerts",
            "/devices",
            "/hunt?name=beacons",
            "/audit",
            "/live",
            "/alerts/alert-x/packets.pcapng",
        ):
            answer = untrusted.get(path)
            assert (path, answer.status_code) == (path, 401)
            assert "10.20." not in answer.text
        assert untrusted.get("/api/v1/alerts").json()["code"] == "unauthenticated"
        assert untrusted.get("/api/v1/events").status_code == 401


def test_a_response_without_an_icon_of_its_own_has_that_of_the_console(office: Running) -> None:
    """Browsers request this path for files and JSON, also without a session."""
    with httpx.Client(base_url=office.url) as anyone:
        answer = anyone.get("/favicon.ico")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
        assert answer.content == anyone.get("/static/icon.svg").content


def test_a_link_logs_in_once(office: Running) -> None:
    """Opening the link does not use it up, the button does; scripts and other sites cannot read the cookie."""
    link = office.login("berta")
    with httpx.Client(base_url=office.url) as client:
        assert "berta" in client.get(link).text
        assert client.get(link).status_code == 200
        answer = client.post(link, headers=FORM)
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/").status_code == 200
    with httpx.Client(base_url=office.url) as thief:
        refused = thief.post(link, headers=FORM)
        assert (refused.status_code, '<a href="/">' in refused.text.partition("<main")[2]) == (403, True)
        assert thief.get("/").status_code == 401


def test_logout_ends_the_session(office: Running) -> None:
    """The old cookie is invalid after the logout."""
    with office.client("carla") as client:
        cookies = dict(client.cookies)
        token = csrf_of(client.get("/").text)
        assert client.post("/logout", data={"csrf": "wrong"}).status_code == 403
        assert client.post("/logout", data={"csrf": token}).status_code == 303
    assert httpx.get(office.url, cookies=cookies).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.evil.example"]
)
def test_another_name_for_the_host_is_refused(browser: httpx.Client, host: str) -> None:
    """DNS rebinding: the page of another name that resolves to loopback."""
    assert browser.get("/", headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
    ],
)
def test_other_sites_may_link_and_not_read(browser: httpx.Client, headers: dict[str, str], status: int) -> None:
    assert browser.get("/alerts", headers=headers).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_forms_of_other_sites_are_refused(browser: httpx.Client, headers: dict[str, str]) -> None:
    """A form of another origin is rejected even with the right token."""
    token = csrf_of(browser.get("/alerts").text)
    assert (
        browser.post(
            "/alerts/act", data={"csrf": token, "action": "close", "alert": "alert-t42g35"}, headers=headers
        ).status_code
        == 403
    )


def test_a_form_needs_the_token_of_its_session(office: Running, browser: httpx.Client) -> None:
    """A missing token, a random one, and that of another user are rejected."""
    with office.client("dora") as other:
        foreign = csrf_of(other.get("/alerts").text)
    name = re.findall(r"/alerts/(alert-\w+)", browser.get("/alerts").text)[0]
    for token in ("", "x", foreign):
        assert browser.post("/alerts/act", data={"csrf": token, "action": "close", "alert": name}).status_code == 403
    assert 'name="alert"' in browser.get("/alerts").text


def test_who_may_only_read_cannot_write(office: Running) -> None:
    """A viewer has no buttons, and requests without them are rejected."""
    with office.client("emil", "read") as reader:
        page = reader.get("/alerts").text
        assert 'value="close"' not in page
        name = re.findall(r"/alerts/(alert-\w+)", page)[0]
        assert act(reader, action="close", alert=name).status_code == 403


def test_every_answer_carries_the_headers(office: Running, browser: httpx.Client) -> None:
    """Errors, rejections and files have them too: only scripts and styles of the console, no frames."""
    answers = [browser.get(path) for path in PATHS] + [
        browser.get("/", headers={"Host": "evil.example"}),
        browser.request("PUT", "/"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
    assert (answers[-1].status_code, answers[-1].headers["allow"]) == (405, "GET, HEAD, POST")


def test_a_method_from_another_site_is_rejected_at_the_api_too(browser: httpx.Client) -> None:
    """Also those that only the API answers, such as a preflight request of CORS."""
    for method in ("OPTIONS", "DELETE", "TRACE"):
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = browser.request(method, "/api/v1/alerts", headers=headers)
            assert answer.status_code == 403
            assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/alerts/..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code in (400, 404)
    assert "import" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\r\nX: y"]
)
def test_no_open_redirect(browser: httpx.Client, back: str) -> None:
    answer = browser.post("/theme", data={"theme": "dark", "back": back})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("body", [b"x" * 300_000, b"a=1&" * 5000])
def test_large_forms_are_refused(browser: httpx.Client, body: bytes) -> None:
    assert browser.post("/alerts/act", content=body, headers=FORM).status_code == 400


def test_forms_of_another_type_are_refused(browser: httpx.Client) -> None:
    """A page of another site may send them without a preflight request (a simple request)."""
    assert browser.post("/alerts/act", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400


def test_keys_keep_no_secret(tmp_path: Path) -> None:
    """The file contains nothing that allows a login, and only its owner may read it."""
    keys = Keys(StateStore(tmp_path))
    link = keys.link("anna", "write")
    session = keys.begin(link)
    _, token = keys.add_token("program", "read", 1)
    content = (tmp_path / FILE).read_bytes()
    assert not [secret for secret in (link, session, token) if secret.encode() in content]
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_keys_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links expire after minutes, sessions after days, tokens at the time that was set."""
    keys, clock = Keys(StateStore(tmp_path)), [1_000_000.0]
    monkeypatch.setattr("sensor.console.security.keys.time.time", lambda: clock[0])
    late, used = keys.link("anna", "write"), keys.link("anna", "write")
    session = keys.begin(used)
    number, token = keys.add_token("program", "read", 1)
    assert keys.session(session) is not None
    assert keys.token(token) is not None
    clock[0] += LINK_S + 1
    assert keys.begin(late) == ""
    clock[0] += 86400
    assert keys.session(session) is None
    assert keys.token(token) is None
    assert keys.revoke(number)
    assert not keys.revoke(number)
    clock[0] += SESSION_S
    with sqlite3.connect(tmp_path / FILE) as base:
        assert base.execute("SELECT count(*) FROM tokens").fetchone() == (0,)
    base.close()


def test_failed_logins_are_limited(start, own: Path) -> None:
    """After twenty failures in a minute even a valid link has to wait."""
    running = start(own)
    with httpx.Client(base_url=running.url) as client:
        for number in range(20):
            assert client.post(f"/login/{number}", headers=FORM).status_code == 403
        assert client.post(running.link, headers=FORM).status_code == 403


def test_every_form_needs_the_token_of_its_session(office: Running, browser: httpx.Client, tmp_path: Path) -> None:
    """All forms are taken from the routes: new ones are included. Login and colors do not change a session."""
    app = app_of(console_of(tmp_path, place_of("127.0.0.1:0")))
    paths = {one.path for one in app.routes if isinstance(one, Route) and "POST" in (one.methods or ())}
    forms = {path for path in paths if not path.startswith(("/login", "/passkeys/login", "/theme", "/api/"))}
    assert {"/alerts/act", "/devices/act", "/lists/act", "/rules/act", "/reports", "/settings/edit", "/users"} <= forms
    for path in forms:
        sent = path.replace("{id}", "x").replace("{name}", "x")
        for token in ("", "x" * 43):
            assert browser.post(sent, data={"csrf": token, "action": "save"}).status_code == 403, path
    assert browser.get("/alerts").status_code == 200


def test_a_session_that_an_attacker_chose_is_not_taken_over(office: Running) -> None:
    """Session fixation: the login creates another session, and the chosen one stays invalid."""
    with httpx.Client(base_url=office.url, timeout=60, cookies={"sensor": "chosen"}) as victim:
        assert victim.post(office.login("eva"), headers=FORM).status_code == 303
        given = [one.value for one in victim.cookies.jar if one.value != "chosen"]
        assert len(given) == 1
        assert len(given[0]) >= 43
    with httpx.Client(base_url=office.url, timeout=60, cookies={"sensor": "chosen"}) as attacker:
        assert attacker.get("/alerts").status_code == 401


def test_the_path_of_a_form_leads_to_its_page(browser: httpx.Client) -> None:
    """A reload of a failed form, which its browser asks for with GET. The dataset stays the same."""
    for path, page in (
        ("/alerts/act", "/alerts"), ("/alerts/unmute", "/alerts"), ("/devices/undo", "/devices"),
        ("/hunt/act", "/hunt"), ("/rules/act", "/rules"), ("/mutes/act", "/mutes"),
        ("/reports/remove", "/reports"), ("/views/act", "/"), ("/uploads/remove", "/uploads"),
        ("/logout", "/"), ("/theme", "/"),
    ):  # fmt: skip
        answer = browser.get(path, params={"data": "office"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?data=office"), path
