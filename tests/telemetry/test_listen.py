"""Addresses that may serve the status."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.telemetry.listen import EXPECTED, parse_listen, usual_socket


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9469", ("127.0.0.1", 9469)),
        ("localhost:1", ("127.0.0.1", 1)),
        ("127.8.9.10:65535", ("127.8.9.10", 65535)),
        ("[::1]:9469", ("::1", 9469)),
        ("::1:9469", ("::1", 9469)),
    ],
)
def test_loopback(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0:9469", "[::]:9469", "10.0.0.1:9469", ":9469", "9469", "sensor.example:9469", "127.0.0.1", "127.0.0.1:",
    "127.0.0.1:0", "127.0.0.1:65536",
     "127.0.0.1:-1", "127.0.0.1:٣", "localhost.evil.example:9469", "::ffff:10.0.0.1:9469", ""],
)  # fmt: skip
def test_nowhere_else(text: str) -> None:
    """Addresses that other hosts could reach are rejected, under any name."""
    with pytest.raises(ValueError, match="expected a loopback address") as caught:
        parse_listen(text)
    assert EXPECTED in str(caught.value)
    assert repr(text) in str(caught.value)


def test_the_usual_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the runtime folder of the service, the first of several; else beside the sensor's state."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert usual_socket(Path("/var/lib/sensor")) == Path("/var/lib/sensor/sensor.sock")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/sensor:/run/other")
    assert usual_socket(Path("/var/lib/sensor")) == Path("/run/sensor/sensor.sock")
    assert usual_socket(Path("/var/lib/sensor"), "") == Path("/var/lib/sensor/sensor.sock")
