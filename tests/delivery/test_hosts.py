"""Hosts of destinations, as written in the options."""

from __future__ import annotations

import pytest

from sensor.delivery.hosts import hosts_of
from sensor.outputs.webhook import Options


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ({"url": "https://SIEM.example.org:9200/x"}, {"siem.example.org"}),
        ({"host": "2001:db8::5"}, {"2001:db8::5"}),
        ({"host": "Relay.example"}, {"relay.example"}),
        ({"servers": ["nats://a.example:4222", "b.example:4222"]}, {"a.example", "b.example"}),
        ({"path": "/var/log/out.jsonl"}, set()),
        ({"brokers": ["env:9092"]}, {"env"}),
        ({"url": "env:WEBHOOK"}, set()),
        ({"url": "file:/run/secret"}, set()),
        (Options.model_validate({"receiver": "plain", "url": "credential:hook"}), set()),
        (Options.model_validate({"receiver": "plain", "url": "https://chat.example/x"}), {"chat.example"}),
    ],
)
def test_hosts(options: object, hosts: set[str]) -> None:
    """A host in a secret is unknown: the reference names none."""
    assert hosts_of({"one": options}) == {"one": frozenset(hosts)}
