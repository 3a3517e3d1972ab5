"""A passkey in a real browser with a virtual authenticator: added on the account page, used on the login page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytest.importorskip("webauthn", reason="needs webauthn")

from tests.console.kit import Running
from tests.console.test_browser import CHROMIUM, Page, chromium, sync_api  # noqa: F401 - a fixture
from tests.console.test_users import audit_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture
def there(start: Callable[..., Running], own: Path) -> Running:
    return start(own)


def test_a_passkey_in_the_browser(there: Running, chromium: Any) -> None:  # noqa: F811
    """A passkey is added, logs the same user in again, and is removed; without it the login fails."""
    opened = Page(chromium, there, "localhost", "admin")
    page, bus = opened.page, opened.context.new_cdp_session(opened.page)
    bus.send("WebAuthn.enable")
    authenticator = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    device = bus.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})["authenticatorId"]
    page.goto("/account")
    page.fill("#passkeys [name=name]", "<b>laptop</b>")
    page.click("text=Add a passkey")
    sync_api.expect(page.locator("#passkeys td.first")).to_have_text("<b>laptop</b>")
    stored = bus.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert [one["rpId"] for one in stored] == ["localhost"]
    page.click("text=Log out")
    page.goto("/alerts")
    page.click("text=Log in with a passkey")
    page.wait_for_url("**/")
    page.goto("/account")
    assert page.locator("h1").inner_text() == "Account: anna"
    bus.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.fill("#passkeys [name=name]", "unverified")
    page.click("text=Add a passkey")
    sync_api.expect(page.locator("#passkeys [data-fault]")).to_be_visible()
    page.click("#passkeys button[aria-label^=Remove]")
    sync_api.expect(page.locator("#passkeys .empty")).to_be_visible()
    page.click("text=Log out")
    page.goto("/")
    assert page.locator("[data-passkey]").count() == 0
    assert [text for text in opened.faults if "401" not in text] == []
    opened.context.close()
    assert [one for one in audit_of(there.state) if "passkey" in one[1]] == [
        ("anna", "passkey added"), ("anna", "login by passkey"), ("anna", "passkey removed"),
    ]  # fmt: skip


def test_a_refusal_of_the_console_is_shown(there: Running, chromium: Any) -> None:  # noqa: F811
    """The session ended in another window: the request for a passkey is refused before any authenticator is asked."""
    opened = Page(chromium, there, "localhost", "admin")
    page = opened.page
    page.goto("/account")
    other = opened.context.new_page()
    other.goto("/account")
    other.click("text=Log out")
    page.fill("#passkeys [name=name]", "laptop")
    page.click("text=Add a passkey")
    sync_api.expect(page.locator("#passkeys [data-refused]")).to_be_visible()
    sync_api.expect(page.locator("#passkeys [data-fault]")).to_be_hidden()
    opened.context.close()
