"""Compose file and Helm chart of the hub: without an engine it is checked that they render, that called commands and
mounted files exist, and that containers have no privileges. The NATS server of the compose file is started for real.
"""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sensor.cli.main import parser
from tests.outputs.servers_base import Server

HUB = "/etc/sensor/hub"
ACTION = re.compile(r"\{\{\s*(.*?)\s*\}\}")
RELEASE = {"Release": {"Name": "fleet"}}


def value(path: str, known: Mapping[str, Any]) -> Any:
    """KeyError where a template names a missing value, which Helm renders as empty."""
    found: Any = known
    for name in path.removeprefix(".").split("."):
        found = found[name]
    return found


def rendered(template: str, known: Mapping[str, Any]) -> str:
    """A renderer for the part of Go templates that the chart uses."""

    def one(action: str) -> str:
        head, _, pipe = action.partition(" | ")
        if match := re.fullmatch(r'printf "%s:%s" (\S+) (\S+)', head):
            text = ":".join(str(value(path, known)) for path in match.groups())
        elif head.startswith("toYaml "):
            width = int(pipe.removeprefix("nindent "))
            lines = yaml.safe_dump(value(head.split()[1], known)).splitlines()
            return "".join(f"\n{' ' * width}{line}" for line in lines)
        else:
            text = str(value(head, known))
        assert pipe in ("", "quote"), action
        return json.dumps(text) if pipe else text

    return ACTION.sub(lambda found: one(found[1]), template)


class Chart:
    def __init__(self, folder: Path) -> None:
        self.about = yaml.safe_load((folder / "Chart.yaml").read_text())
        self.values = yaml.safe_load((folder / "values.yaml").read_text())
        self.schema = json.loads((folder / "values.schema.json").read_text())
        self.templates = {path.name: path.read_text() for path in (folder / "templates").iterdir()}
        chart = {"Name": self.about["name"], "AppVersion": self.about["appVersion"]}
        self.known = {"Values": self.values, "Chart": chart} | RELEASE

    def objects(self) -> dict[str, Any]:
        made = [yaml.safe_load(rendered(text, self.known)) for text in self.templates.values()]
        return {one["kind"]: one for one in made}


@pytest.fixture
def chart(root: Path) -> Chart:
    return Chart(root / "packaging" / "hub" / "chart")


@pytest.fixture
def compose(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((root / "packaging" / "hub" / "compose.yaml").read_text())
    return found


def test_the_chart_is_of_this_version(chart: Chart, root: Path) -> None:
    """The checks of `helm lint` for Chart.yaml and values."""
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    assert chart.about["apiVersion"] == "v2"
    assert re.fullmatch(r"\d+\.\d+\.\d+", chart.about["version"])
    assert chart.about["appVersion"] == chart.values["image"]["tag"] == config["metadata"]["version"]
    jsonschema.Draft202012Validator.check_schema(chart.schema)
    jsonschema.validate(chart.values, chart.schema)


@pytest.mark.parametrize("change", [{"replicas": 0}, {"secret": ""}, {"replica": 2}, {"image": {"tag": "1"}}])
def test_wrong_values_are_refused(chart: Chart, change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(chart.values | change, chart.schema)


def test_every_value_is_used(chart: Chart) -> None:
    """Rendering fails if a template names a missing value."""
    assert chart.objects().keys() == {"Deployment", "PodDisruptionBudget"}
    text = "".join(chart.templates.values())
    named = [[name, *(more if isinstance(more, dict) else [])] for name, more in chart.values.items()]
    assert [name for name, *_ in named if f".Values.{name}" not in text] == []


def test_a_worker_has_no_right(chart: Chart) -> None:
    """As the systemd unit: not root, only /tmp is writable; disruption budget and selectors match its labels."""
    objects = chart.objects()
    spec = objects["Deployment"]["spec"]
    labels, pod = spec["template"]["metadata"]["labels"], spec["template"]["spec"]
    assert (
        spec["selector"]["matchLabels"] == objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    )
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    (worker,) = pod["containers"]
    assert worker["image"] == "sensor:0.1.0"
    assert worker["resources"] == chart.values["resources"]
    assert worker["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"] for mount in worker["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    args = parser().parse_args(worker["args"])
    assert (args.command, args.operands, str(args.config)) == ("hub", ["run"], f"{HUB}/hub.yaml")


def test_services_call_what_exists(compose: dict[str, Any]) -> None:
    """The worker reads the files of `init`; only NATS is reachable from other networks."""
    services = compose["services"]
    worker, init = (parser().parse_args(services[name]["command"]) for name in ("worker", "init"))
    assert (worker.operands, str(worker.config)) == (["run"], f"{HUB}/hub.yaml")
    assert init.operands == ["init", HUB]
    assert init.listen.split(":")[0] in services
    assert init.database.rpartition("@")[2].split("/")[0] in services
    assert services["worker"]["volumes"] == [f"hub:{HUB}:ro"]
    assert services["init"]["volumes"] == services["nats"]["volumes"] == [f"hub:{HUB}"]
    assert {name for name, one in services.items() if "ports" in one or "sensors" in one["networks"]} == {"nats"}
    assert compose["networks"]["hub"] == {"internal": True}
    named = {volume.split(":")[0] for one in services.values() for volume in one["volumes"]}
    assert named == compose["volumes"].keys()
    assert all(services[name]["cap_drop"] == ["ALL"] and services[name]["read_only"] for name in ("worker", "init"))


class ComposedNats(Server):
    """The service `nats`, with the folder of a hub that was set up for another address."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__()
        made = [sys.executable, "-m", "sensor", "hub", "init", str(self.folder / "hub")]
        subprocess.run([*made, "--listen", f"192.0.2.1:{self.port}"], check=True, capture_output=True)
        self._arguments = [one.replace(HUB, str(self.folder / "hub")) for one in arguments]

    def command(self) -> list[str]:
        return ["nats-server", *self._arguments]


@pytest.mark.skipif(shutil.which("nats-server") is None, reason="nats-server is not installed")
def test_nats_listens_on_every_address(compose: dict[str, Any]) -> None:
    """NATS listens for any configured name; the start is awaited on loopback."""
    arguments = [one.replace("0.0.0.0", "127.0.0.1") for one in compose["services"]["nats"]["command"]]
    server = ComposedNats(arguments)
    try:
        server.start()
    finally:
        server.close()
