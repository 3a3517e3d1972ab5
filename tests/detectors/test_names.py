"""Functions for host names."""

from __future__ import annotations

import pytest

from sensor.detectors.shared.names import below, generated, is_address, is_bare, is_coded


@pytest.mark.parametrize(
    ("host", "bare"),
    [
        ("203.0.113.9", True), ("203.0.113.9:8080", True), ("2001:db8::7", True), ("fe80::1", True), ("", False),
        ("www.example.com", False), ("cafe.example", False), ("1.2.3.example", False), ("localhost:8080", False),
        ("cafe:8080", False), ("db:80", False), ("::1", True), ("64:ff9b::192.0.2.1", True),
    ],
)  # fmt: skip
def test_addresses_instead_of_names(host: str, bare: bool) -> None:
    """Addresses of both families are recognized."""
    assert is_bare(host) is bare


def test_parts_of_names() -> None:
    assert below("a.b.example.com", "example.com") == "a.b"
    assert below("example.com", "example.com") == ""
    assert is_address("2.0.0.127.zen")
    assert is_address("10-1-2-3")
    assert not is_address("www")


@pytest.mark.parametrize("label", ["xkgk7fdx362yyyxib", "gfu7hbxpfp", "pqrsxdkq", "7d43ah2kikrabj"])
def test_made_up_labels(label: str) -> None:
    assert generated(label) >= 0.45


@pytest.mark.parametrize(
    "label",
    ["microsoft", "windowsupdate", "googlevideo", "bundesverfassungsgericht", "instagram", "www", "scontent-frx5-1"],
)
def test_labels_of_words(label: str) -> None:
    assert generated(label) < 0.45


def test_coded_parts() -> None:
    assert is_coded("05e100a621c3620001636f6e")
    assert is_coded("zi\u00e9.x")
    assert is_coded("laegpumiplhhpz12ynd1efljwlkjcgwy")
    assert not is_coded("www")
    assert not is_coded("_ldap._tcp.dc._msdcs")
    assert not is_coded("12.34.56.78")
