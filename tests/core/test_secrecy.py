"""Secrets that were read are masked wherever they occur."""

from __future__ import annotations

import pytest

from sensor.core import secrecy
from sensor.core.bounded import Bounded
from sensor.core.secrecy import MASK, hide, masked


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_KNOWN", Bounded(256))


def test_a_password() -> None:
    """The password is masked as it is and URL-encoded."""
    hide("p@ss word/1")
    assert (
        masked("login 'p@ss word/1' failed at https://x/?k=p%40ss%20word%2F1")
        == f"login '{MASK}' failed at https://x/?k={MASK}"
    )


def test_an_address_that_is_a_secret() -> None:
    """Error messages may contain the path alone, which is masked; the host is not secret."""
    hide("https://hooks.example.net/services/T000/B000/XYZ?token=abcdef")
    assert masked("POST /services/T000/B000/XYZ to hooks.example.net: 403") == f"POST /{MASK} to hooks.example.net: 403"
    assert masked("?token=abcdef") == f"?{MASK}"
    hide("https://siem.example.net/events")
    assert masked("events go to siem.example.net") == "events go to siem.example.net"
    hide("https://user:geheim@[bad")  # an invalid URL
    assert masked("https://user:geheim@[bad") == MASK


def test_the_longest_goes_first() -> None:
    """If one secret contains another, all of it is masked."""
    hide("secret")
    hide("secret-two")
    assert masked("secret-two secret") == f"{MASK} {MASK}"


def test_short_ones() -> None:
    """Short secrets are not masked, since they occur in too many words."""
    hide("in")
    assert masked("nothing in it") == "nothing in it"


def test_a_secret_of_an_output_is_known_once_it_is_read(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sensor.outputs.transport.secrets import Secret

    monkeypatch.setenv("SIEM_KEY", "very-secret-key")
    assert masked("very-secret-key") == "very-secret-key"
    assert Secret("env:SIEM_KEY").reveal() == "very-secret-key"
    assert masked("sent very-secret-key") == f"sent {MASK}"
