"""Documents that are accepted without pydantic: the same values as with it, and nothing that it rejects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from sensor.alerts.mutes import Document, Mute
from sensor.central.settings import ObjectStore
from sensor.config import Config, detector_units, load_config
from sensor.console_section import Oidc
from sensor.core.model import Model
from sensor.core.output import Filter
from sensor.delivery.catalogue import types
from sensor.delivery.section import options_of
from sensor.documents import NeedsFullValidation, converted
from sensor.documents.paths import LocatedText
from sensor.fingerprinting.starts import StartFile
from sensor.hub.settings import Settings as HubSettings
from sensor.intel.list_sources import ListSource
from sensor.outputs.kafka import Sasl
from sensor.outputs.mqtt import HomeAssistant
from sensor.outputs.transport.tls import Tls

# What a document may state in place of any value: other types, bounds of limits, texts that look like numbers.
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 7, 64, 65, 100, 366, 4096, 65_536, 1 << 40, -0.5, 0.5, 1.0, 1.5, float("nan"),
    float("inf"), "", "x", "x\n", "1", "true", "low", "json", "10.0.0.1", "10.0.0.0/33", "https://a.example", "http://a.example/?b",
    "env:X", "~nobody-at-all/x", "2026-11-24", "printer", "22:00-06:00", "127.0.0.1:80", "Europe/Berlin", "a" * 2000,
    [], ["x"], ["10.0.0.0/8"], [1], [None], {}, {"x": "y"}, {"x": 1}, {"printer": "x"}, {1: "x"}, [{}], {"x": {}},
)  # fmt: skip
SECRET, URL = "env:A", "https://siem.example"
# Required keys of each type of output.
OUTPUTS: dict[str, dict[str, Any]] = {
    "amqp": {"url": "amqp://a.example"},
    "elasticsearch": {"url": URL},
    "email": {"host": "a", "sender": "a@example.org", "recipients": ["b@example.org"]},
    "file": {"path": "events.jsonl"},
    "http": {"url": URL},
    "hub": {"servers": ["tls://hub.example"], "credentials": "hub.creds"},
    "kafka": {"brokers": ["a:9092"]},
    "mqtt": {"url": "mqtt://a.example"},
    "nats": {"servers": ["nats://a.example"]},
    "postgresql": {"host": "a"},
    "redis": {"url": "redis://a.example"},
    "relp": {"host": "a"},
    "sentinel": {"url": URL, "rule": "dcr-1", "tenant": "t", "client_id": "c", "client_secret": SECRET},
    "splunk_hec": {"url": URL, "token": SECRET},
    "syslog": {"host": "a"},
    "tickets": {"url": URL, "system": "github"},
    "webhook": {"url": URL},
}
# Required keys.
NEEDED: dict[type[Model], dict[str, Any]] = {
    Mute: {"id": "m1", "author": "anna", "reason": "our scanner", "detector": "discovery.*"},
    Oidc: {"issuer": "https://login.example.net", "client_id": "sensor"},
    ObjectStore: {"endpoint": "https://s3", "bucket": "abc", "access_key": "env:A", "secret_key": "env:B"},
    StartFile: {"types": ["printer"]},
    ListSource: {"name": "feed", "source": "https://feeds.example/list.txt"},
    HubSettings: {"nats": {"servers": ["nats://hub.example"]}, "database": {"url": "postgresql://hub@db/hub"}},
    Tls: {"ca": "ca.pem"},
    Sasl: {"user": "sensor", "password": SECRET},
    HomeAssistant: {},
    Filter: {"types": ["printer"]},
    **{options_of(kind): {"type": kind, **needed} for kind, needed in OUTPUTS.items()},
}


def sections(model: type[Model]) -> set[type[Model]]:
    """The models of the sections of a model."""
    kinds = {type(value) for value in msgspec.structs.asdict(model()).values() if isinstance(value, Model)}
    return {model}.union(*map(sections, kinds))


MODELS = sections(Config) | {unit.Options for unit in detector_units().values()} | NEEDED.keys() | {Document}


def outcome(model: type[Model], given: Any) -> object:
    """What pydantic makes of a document; None if it is invalid."""
    try:
        return model.model_validate(given, context=Path("/etc/sensor"))
    except ValidationError:
        return None


def accepted(model: type[Model], given: Any) -> object:
    """What is accepted without pydantic; None if nothing is."""
    try:
        return converted(model, given, Path("/etc/sensor"))
    except NeedsFullValidation:
        return None


@pytest.mark.parametrize("model", sorted(MODELS, key=str), ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_what_is_accepted_is_valid(model: type[Model]) -> None:
    """With each value at each key: pydantic accepts it too, with an equal result."""
    needed = NEEDED.get(model, {})
    assert accepted(model, needed) == outcome(model, needed) is not None
    for key in (*model.__struct_encode_fields__, "unknown"):
        for value in VALUES:
            given = needed | {key: value}
            found = accepted(model, given)
            assert found is None or repr(found) == repr(outcome(model, given)), given


def test_ordinary_documents_are_accepted(tmp_path: Path) -> None:
    """The values of a configuration of a service, and of a file of mutes."""
    config = accepted(
        Config,
        {
            "capture": {"interfaces": ["eth1"], "ring_mib": 32}, "networks": ["203.0.113.0/24"], "state": "../state",
            "roles": {"scanner": ["10.1.0.9"]}, "retention": {"age_days": 90}, "timezone": "Europe/Berlin",
            "records": {"central": NEEDED[ObjectStore]}, "tickets": {"owners": {"types": {"printer": "anna"}}},
        },
    )  # fmt: skip
    assert isinstance(config, Config)
    assert (config.retention.age_days, config.state) == (90, Path("/etc/sensor/../state"))
    mutes = accepted(Document, {"mutes": [NEEDED[Mute], NEEDED[Mute] | {"id": "m2", "src": "10.0.0.0/8"}]})
    assert isinstance(mutes, Document)
    assert [mute.id for mute in mutes.mutes] == ["m1", "m2"]


def test_every_type_of_output_is_accepted() -> None:
    """With headers, a filter and fields, whose parts have checks of their own."""
    assert OUTPUTS.keys() == set(types())
    for kind, needed in OUTPUTS.items():
        given = {"type": kind, **needed, "filter": {"severity": "high", "types": ["printer"]}}
        given |= {} if kind == "tickets" else {"fields": ["src.ip"], "redact": ["device.name"]}
        given |= {"headers": {"X-Site": "hq"}, "secret_headers": {"X-Key": SECRET}} if needed.get("url") == URL else {}
        assert repr(accepted(options_of(kind), given)) == repr(outcome(options_of(kind), given)) != "None", given


def test_rules_between_keys_are_checked() -> None:
    """Limits that follow from another key, and duplicates."""
    assert accepted(Config, {"retention": {"size_mib": 100, "hard_mib": 50}}) is None
    assert accepted(Document, {"mutes": [NEEDED[Mute], NEEDED[Mute]]}) is None
    assert accepted(Mute, NEEDED[Mute] | {"detector": "*"}) is None


def test_text_of_a_layer_keeps_its_folder() -> None:
    """A path is relative to the folder of its own file; other text is plain text."""
    text = LocatedText("a.txt")
    text.folder = Path("/elsewhere")
    config = accepted(Config, {"intel": ["b.txt", text], "sensor": {"site": text}, "networks": []})
    assert isinstance(config, Config)
    assert config.intel == [Path("/etc/sensor/b.txt"), Path("/elsewhere/a.txt")]
    assert type(config.sensor.site) is str


def test_a_configuration_is_the_same_either_way(tmp_path: Path) -> None:
    """Numbers as text need pydantic; both ways give equal options."""
    made = []
    for ports in ("40", "'40'"):
        path = tmp_path / "sensor.yaml"
        path.write_text(f"preset: quiet\ndetectors: {{discovery.port_scan: {{ports: {ports}}}}}\n")
        made.append(load_config(path))
    assert made[0] == made[1]
    assert made[0].options("discovery.port_scan").ports == 40
