"""Login at an OpenID provider: users with a role there can log in; every token and response for another browser or
another console is rejected, and recorded in the audit log.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

pytest.importorskip("authlib", reason="needs the extra oidc")
pytest.importorskip("joserfc", reason="needs the extra oidc")

from joserfc import jwt
from joserfc.jwk import RSAKey

from sensor.cli.main import main
from sensor.console.security.id_token import identity_of
from sensor.console.security.oidc_attempt import LASTS_S, Attempts
from sensor.console.security.oidc_provider import Denied
from sensor.console_section import Oidc
from tests.console.kit import Running, act, csrf_of
from tests.console.openid import CLIENT, Claims, Provider

OTHER_KEY = RSAKey.generate_key(2048, {"kid": "other"}, private=True)
NOW = 1_800_000_000
OPTIONS = Oidc(issuer="https://login.example", client_id="sensor", roles={"admins": "administrator", "soc": "analyst"})


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def there(start: Callable[..., Running], own: Path, provider: Provider, tmp_path: Path) -> Running:
    return start(own, "--config", str(provider.config(tmp_path)))


@pytest.fixture
def client(there: Running) -> Iterator[httpx.Client]:
    """A browser without a session."""
    with httpx.Client(base_url=there.url, timeout=60) as made:
        yield made


def answer_of(client: httpx.Client, provider: Provider) -> str:
    """The exchange with the provider, up to the URL of the final redirect."""
    begun = client.get("/oidc/login")
    assert begun.status_code == 303
    trusting = ssl.create_default_context(cafile=provider.ca)
    return httpx.get(begun.headers["location"], verify=trusting).headers["location"]


def log_in(client: httpx.Client, provider: Provider) -> httpx.Response:
    return client.get(answer_of(client, provider))


def audit_of(there: Running) -> list[dict[str, str]]:
    return list(map(json.loads, (there.state / "console-audit.jsonl").read_text().splitlines()))


def test_a_user_enters_with_the_highest_role_of_its_groups(
    there: Running, client: httpx.Client, provider: Provider
) -> None:
    """It acts as an analyst and cannot manage users; it has no password here; its session ends with the logout."""
    assert 'href="/oidc/login"' in client.get("/alerts").text
    page = log_in(client, provider)
    assert page.status_code == 200
    assert "http-equiv" in page.text
    assert len(provider.requested["code_verifier"]) == 43
    assert (client.get("/alerts").status_code, client.get("/users").status_code) == (200, 403)
    assert "oidc:anna" in client.get("/alerts").text
    alert = client.get("/api/v1/alerts").json()["items"][0]["id"]
    assert act(client, alert=alert, action="close", verdict="benign").status_code == 303
    account = client.get("/account").text
    assert 'type="password"' not in account
    sent = {"csrf": csrf_of(account), "password": "correct horse battery", "again": "correct horse battery"}
    assert client.post("/account", data=sent).status_code == 403
    assert client.post("/logout", data={"csrf": csrf_of(account)}).status_code == 303
    assert client.get("/alerts").status_code == 401
    login = next(one for one in audit_of(there) if one["action"] == "login by OIDC")
    assert (login["who"], login["text"]) == ("oidc:anna", "analyst, subject u-17")


def test_a_user_of_the_same_name_is_another_one(there: Running, client: httpx.Client, provider: Provider) -> None:
    """The console's administrator anna gives no rights to the provider's anna, and no user takes its name."""
    provider.claims["groups"] = ["staff"]
    with there.client("anna", "admin") as admin:
        csrf = csrf_of(admin.get("/users").text)
        sent = {"csrf": csrf, "action": "add", "name": "oidc:anna", "role": "administrator"}
        assert admin.post("/users", data=sent).status_code == 400
        assert log_in(client, provider).status_code == 200
        assert client.get("/users").status_code == 403
        assert admin.get("/users").status_code == 200


def changed(**values: object) -> Callable[[Claims], None]:
    def change(claims: Claims) -> None:
        for name, value in values.items():
            claims[name] = value
            if value is None:
                del claims[name]

    return change


WRONG: list[Callable[[Claims], None]] = [
    changed(iss="https://other.example"), changed(iss=None), changed(aud="other"), changed(aud=None),
    changed(aud=[CLIENT, "other"]), changed(azp="other"), changed(exp=int(time.time()) - 3600), changed(exp=None),
    changed(nbf=int(time.time()) + 3600), changed(nonce="other"), changed(nonce=None), changed(sub=None),
    changed(at_hash="AAAA"), changed(groups=["other"]), changed(groups=None), changed(preferred_username=None),
    changed(preferred_username="a" * 61), changed(preferred_username="an\u202ena"),
]  # fmt: skip


def test_tokens_with_a_wrong_claim_are_refused(there: Running, client: httpx.Client, provider: Provider) -> None:
    for change in WRONG:
        provider.change = change
        assert log_in(client, provider).status_code == 403
        assert client.get("/alerts").status_code == 401
    provider.change = lambda _: None
    assert log_in(client, provider).status_code == 200
    refused = [one for one in audit_of(there) if one["action"] == "login by OIDC refused"]
    assert len(refused) == len(WRONG)
    assert all(one["who"] == "unknown" and one["text"] for one in refused)


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: Claims, claims: Claims, key: bytes = b"") -> str:
    """A token without a signature, or with an HMAC."""
    signed = f"{text(json.dumps(header).encode())}.{text(json.dumps(claims).encode())}"
    return f"{signed}.{text(hmac.digest(key, signed.encode(), hashlib.sha256)) if key else ''}"


def test_tokens_of_other_keys_are_refused(there: Running, client: httpx.Client, provider: Provider) -> None:
    """Signed by another key, under the right key's id, unsigned, or with the public key as the HMAC secret."""
    ours = provider.key
    public = ours.as_pem(private=False)
    for sign in (
        lambda claims: jwt.encode({"alg": "RS256", "kid": "other"}, claims, OTHER_KEY),
        lambda claims: jwt.encode({"alg": "RS256", "kid": ours.kid}, claims, OTHER_KEY),
        lambda claims: by_hand({"alg": "none", "kid": ours.kid}, claims),
        lambda claims: by_hand({"alg": "HS256", "kid": ours.kid}, claims, public),
        lambda _: "no token",
    ):
        provider.sign = sign
        assert log_in(client, provider).status_code == 403
        assert client.get("/alerts").status_code == 401
    assert len(audit_of(there)) == 5
    old, provider.sign = provider.key, provider.signed
    provider.rotate()
    assert log_in(client, provider).status_code == 200
    client.cookies.clear()
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": old.kid}, claims, old)
    assert log_in(client, provider).status_code == 403


def with_fields(url: str, **fields: str) -> str:
    kept = dict(parse_qsl(urlsplit(url).query)) | fields
    return f"{urlsplit(url).path}?{urlencode({name: value for name, value in kept.items() if value})}"


def test_answers_for_another_browser_are_refused(there: Running, client: httpx.Client, provider: Provider) -> None:
    """A link with an attacker's code, another state, another provider, an error, and a used code are rejected."""
    stolen = answer_of(client, provider)
    with httpx.Client(base_url=there.url) as other:
        assert other.get(stolen).status_code == 403
        answer_of(other, provider)
        assert other.get(stolen).status_code == 403
    for fields in ({"state": "x"}, {"state": ""}, {"iss": "https://other.example"}, {"code": ""}, {"code": "x"}):
        assert client.get(with_fields(answer_of(client, provider), **fields)).status_code == 403
    denied = client.get(with_fields(answer_of(client, provider), error="<b>access_denied</b>"))
    assert denied.status_code == 403
    assert "<b>" not in denied.text
    url = answer_of(client, provider)
    cookies = dict(client.cookies)
    assert client.get(url).status_code == 200
    with httpx.Client(base_url=there.url, cookies=cookies) as again:
        assert again.get(url).status_code == 403


def test_a_provider_that_does_not_answer(there: Running, client: httpx.Client, provider: Provider) -> None:
    """The failure is reported; login links still work. The next attempt contacts the provider again."""
    provider.issuer = "https://other.example"
    assert client.get("/oidc/login").status_code == 503
    provider.issuer = provider.url
    url = answer_of(client, provider)
    provider.stop()
    assert client.get(url).status_code == 503
    with there.client() as anna:
        assert anna.get("/alerts").status_code == 200


def test_without_a_provider_there_is_no_such_page(office: Running) -> None:
    assert httpx.get(f"{office.url}/oidc/callback?code=x&state=x").status_code == 404
    assert "/oidc/login" not in httpx.get(office.url).text


def test_what_cannot_be_used_stops_the_start(provider: Provider, own: Path, tmp_path: Path) -> None:
    """A provider over plain HTTP, a missing secret and a missing certificate prevent the start."""
    path = provider.config(tmp_path)
    good = path.read_text()
    command = ["console", "--state", str(own), "--config", str(path)]
    for old, new, code in (
        ("https://localhost", "http://login.example", 2), ("oidc.secret", "absent", 3), (".pem", ".absent", 3),
        ("analyst", "root", 2),
    ):  # fmt: skip
        path.write_text(good.replace(old, new))
        assert main(command) == code


def test_an_attempt_is_as_old_as_its_cookie_and_no_older() -> None:
    attempts = Attempts(b"key")
    cookie, attempt = attempts.new(NOW)
    assert attempts.of(cookie, NOW + LASTS_S) == attempt
    assert attempts.of(cookie, NOW + LASTS_S + 1) is None
    assert attempts.of(cookie, NOW - 1) is None
    assert attempts.of(cookie.replace(str(NOW), str(NOW + 1)), NOW + 1) != attempt
    assert Attempts(b"other").of(cookie, NOW) != attempt
    assert len({attempt.state, attempt.nonce, attempt.verifier}) == 3
    for invalid in ("", ".", f"{NOW}.", "x.y", "9" * 400 + ".y", "\u0661.y", "-1.y"):
        assert attempts.of(invalid, NOW) is None


@pytest.mark.parametrize(
    ("claim", "more", "value", "role"),
    [
        ("groups", {}, {"groups": ["soc", "admins", "x"]}, "administrator"),
        ("groups", {}, {"groups": "soc"}, "analyst"),
        ("realm_access.roles", {}, {"realm_access": {"roles": ["soc"]}}, "analyst"),
        ("https://x.example/roles", {}, {"https://x.example/roles": ["soc"]}, "analyst"),
        ("groups", {"role": "viewer"}, {"groups": [1, None]}, "viewer"),
        ("groups", {"role": "viewer"}, {"groups": ["admins"]}, "administrator"),
        ("groups", {}, {"groups": {"soc": True}}, ""),
        ("a.b", {}, {"a": "soc"}, ""),
    ],
)
def test_roles(claim: str, more: dict[str, str], value: Claims, role: str) -> None:
    options = OPTIONS.model_copy(update={"role_claim": claim, **more})
    claims = {"iss": options.issuer, "aud": "sensor", "sub": "1", "iat": NOW, "exp": NOW + 60, "nonce": "n"}
    token = jwt.encode({"alg": "RS256"}, claims | {"preferred_username": "berta"} | value, OTHER_KEY)
    keys = [OTHER_KEY.as_dict(private=False)]
    if not role:
        with pytest.raises(Denied):
            identity_of(token, keys, options, "n", "", NOW)
    else:
        assert identity_of(token, keys, options, "n", "", NOW)[:2] == ("oidc:berta", role)


def test_a_mail_address_counts_once_it_is_verified() -> None:
    options = OPTIONS.model_copy(update={"name_claim": "email", "role": "viewer"})
    claims = {"iss": options.issuer, "aud": "sensor", "sub": "1", "iat": NOW, "exp": NOW + 60, "nonce": "n"}
    keys = [OTHER_KEY.as_dict(private=False)]
    for verified in (None, False, "true", True):
        mail = {"email": "anna@example.net", "email_verified": verified}
        token = jwt.encode({"alg": "RS256"}, claims | mail, OTHER_KEY)
        if verified is True:
            assert identity_of(token, keys, options, "n", "", NOW).name == "oidc:anna@example.net"
        else:
            with pytest.raises(Denied):
                identity_of(token, keys, options, "n", "", NOW)
