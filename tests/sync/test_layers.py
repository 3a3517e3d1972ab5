"""Layers of the fleet configuration: names and sizes, and the scope of a signature."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.documents import DocumentErrors
from sensor.outputs.transport.nkeys import OPERATOR, KeyPair
from sensor.sync.layers import FILE_LIMIT, File, Layer, Refused, check_files, digest_of, files_of, sign, verify
from sensor.sync.local_keys import check_keys

PAIR = KeyPair.generate(OPERATOR)


def test_what_was_signed_is_verified() -> None:
    layer = Layer("site", "Berlin", 3, 1_764_000_000, files_of({"sensor.yaml": b"x", "lists/a.txt": b""}))
    assert verify(sign(layer, PAIR), PAIR.public) == layer
    with pytest.raises(Refused):
        verify(sign(layer, PAIR), KeyPair.generate(OPERATOR).public)


@pytest.mark.parametrize(
    "name",
    ["", "../sensor.yaml", "/etc/passwd", "lists/../../x", "lists/.hidden", "lists/a/b", "rules/a.txt", "conf.d/a.yaml",
     "sensor.yaml/x", "lists/", "fingerprints/a/../b.yaml", "lists/a\n", "lists/a\0", "mutes.yaml "],
)  # fmt: skip
def test_names_that_lead_elsewhere(name: str) -> None:
    """File names outside of the layer's folder are rejected at publication and at the sensor, even if signed."""
    with pytest.raises(Refused):
        files_of({name: b""})
    with pytest.raises(Refused):
        verify(sign(Layer("fleet", "", 1, 1, [File(name, "0" * 64, 1)]), PAIR), PAIR.public)


def test_both_suffixes_of_yaml() -> None:
    """Either is read, but not two files that differ in nothing else."""
    files = files_of({"rules/a.yml": b"", "rules/b.yaml": b"", "hunts/a.yml": b"", "fingerprints/x/a.yml": b""})
    assert len(files) == 4
    with pytest.raises(Refused):
        files_of({"rules/a.yml": b"", "rules/a.yaml": b""})


def test_limits() -> None:
    with pytest.raises(Refused):
        check_files([File("lists/a", "0" * 64, FILE_LIMIT + 1)])
    with pytest.raises(Refused):
        check_files([File(f"lists/{number}", "0" * 64, 1) for number in range(1001)])
    with pytest.raises(Refused):
        check_files([File("lists/a", "0" * 64, 1)] * 2)


def test_the_digest_is_of_content_and_order() -> None:
    one, other = (sign(Layer("fleet", "", version, 1), PAIR) for version in (1, 2))
    assert digest_of([]) == ""
    assert len({digest_of([one]), digest_of([other]), digest_of([one, other]), digest_of([other, one])}) == 4
    assert digest_of([one]) == digest_of([one])


def test_who_logs_in_to_the_console_is_the_sensors_own_matter() -> None:
    """A layer with an OpenID provider is rejected, since it would grant access to every console of the fleet."""
    with pytest.raises(DocumentErrors):
        check_keys(Path("sensor.yaml"), "console: {oidc: {issuer: 'https://other.example', client_id: x}}\n")
    check_keys(Path("sensor.yaml"), "networks: [192.0.2.0/24]\n")
