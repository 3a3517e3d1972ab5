"""Domains of names: look-ups in sets of domains, and the registered domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.core.domains import bits_under, innermost, registered, under

DOMAINS = {"example.com": 1, "com": 2, "cdn.example.com": 4}
LABELS = st.lists(st.sampled_from(["a", "www", "example", "com", "co", "uk", "é", "xn--4ca"]), max_size=8)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("www.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.de", "example.de"),
        ("printer", "printer"),
        ("co.uk", "co.uk"),
        (".com", ".com"),
        ("", ""),
    ],
)
def test_registered_domain(name: str, domain: str) -> None:
    assert registered(name) == domain


@given(LABELS)
def test_registered_domain_ends_the_name(labels: list[str]) -> None:
    """It has two labels, three below a second-level label of a country, fewer if the name has no more."""
    name = ".".join(labels)
    count = 3 if labels[-2:-1] in (["co"], ["com"]) and labels[-1] in ("co", "uk") else 2
    assert registered(name) == ".".join(labels[-count:])


@given(LABELS)
def test_look_ups_agree(labels: list[str]) -> None:
    """A name is below exactly those domains that end it at a label."""
    name = ".".join(labels)
    above = [".".join(labels[at:]) for at in range(len(labels))]
    found = [DOMAINS[domain] for domain in above if domain in DOMAINS]
    assert bits_under(name, DOMAINS) == sum(found)
    assert innermost(name, DOMAINS) == (found[0] if found else None)
    assert under(name, frozenset(DOMAINS)) is bool(found)


@pytest.mark.parametrize("name", ["notexample.org", "", ".", "..", "example.com.", "a." * 127])
def test_name_below_no_domain(name: str) -> None:
    assert (under(name, DOMAINS), bits_under(name, DOMAINS), innermost(name, DOMAINS)) == (False, 0, None)
