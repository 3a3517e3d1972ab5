"""sensor config: check a configuration, show effective values, print a schema for editors, write a first file."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import sensor.cli._config_check as checking
import sensor.cli._config_init as asking
from sensor.cli._config_keys import as_yaml, described, models_in
from sensor.cli._config_schema import schema
from sensor.cli._config_text import document
from sensor.cli.main import parser
from sensor.config import detector_units, load_config
from sensor.config_schema import model
from sensor.core.model_schema import pydantic_model
from sensor.delivery.catalogue import output_class, types
from sensor.documents import foreign_documents
from tests.cli.conftest import Result
from tests.golden import Golden

NOWHERE = "nowhere.invalid"  # RFC 2606: never resolves
GOOD = """\
sensor: {id: hq, site: HQ}
networks: [203.0.113.0/24]
capture: {interfaces: [eth0], rings: 2}
preset: quiet
detectors:
  discovery.port_scan: {ports: 40}
outputs:
  siem:
    type: http
    url: https://127.0.0.1/in
    token: file:TOKEN
"""


@pytest.fixture(autouse=True)
def _no_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignores the configuration of the machine that runs the tests."""
    monkeypatch.setattr("sensor.config_file.SYSTEM", tmp_path / "none" / "sensor.yaml")
    monkeypatch.setattr(asking, "SYSTEM", tmp_path / "none" / "sensor.yaml")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """The folder of a valid configuration, with a token and a conf.d."""
    folder = tmp_path / "etc"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "token").write_text("hush\n")
    (folder / "sensor.yaml").write_text(GOOD.replace("TOKEN", str(folder / "token")))
    return folder


@pytest.fixture
def config(run_cli: Callable[..., Result], etc: Path) -> Callable[..., Result]:
    """sensor config ACTION on that configuration, with paths relative to its folder."""

    def run(action: str, *arguments: str) -> Result:
        result = run_cli("config", action, str(etc / "sensor.yaml"), *arguments)
        return Result(result.code, result.out.replace(f"{etc}/", ""), result.err.replace(f"{etc}/", ""))

    return run


def layer(etc: Path, text: str) -> None:
    (etc / "conf.d" / "10.yaml").write_text(text)


# The command.


def test_help_teaches(run_cli: Callable[..., Result]) -> None:
    """The help explains layers, every action and every option; every example is accepted by the command."""
    result = run_cli("config", "--help")
    assert result.code == 0
    assert all(
        word in result.out
        for word in ("conf.d/*.yaml", "check [FILE]", "schema", "init [FILE]", "--effective", "--offline", "--force")
    )
    examples = [line.strip() for line in result.out.partition("examples:\n")[2].splitlines() if line.strip()]
    assert len(examples) >= 6
    for line in examples:
        _, left = parser(["config"]).parse_known_args(re.split(r" [|>] ", line)[0].split()[1:])
        assert not [word for word in left if word.startswith("-")]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("chek",), "usage.unknown-action"),
        (("check", "a.yaml", "b.yaml"), "usage.unexpected-argument"),
        (("check", "a.yaml", "--config", "b.yaml"), "usage.unexpected-argument"),
    ],
)
def test_invalid_usage(golden: Golden, run_cli: Callable[..., Result], arguments: tuple[str, ...], code: str) -> None:
    """Invalid usage is reported in one line, with the nearest word."""
    answer = run_cli("config", *arguments)
    assert (answer.code, answer.errors, answer.err.count("\n")) == (2, (code,), 1)
    golden(answer.err)


# check


def test_a_good_configuration(config: Callable[..., Result], etc: Path) -> None:
    """A valid configuration is reported in one line: the files, and what they configure."""
    layer(etc, "intel: [bad.txt]\n")
    (etc / "conf.d" / "bad.txt").write_text("203.0.113.66\n")
    result = config("check")
    assert (result.code, result.err) == (0, "")
    assert result.out == "sensor.yaml, conf.d/10.yaml: good (1 output, 1 threat list)\n"


def test_no_configuration_is_good(golden: Golden, run_cli: Callable[..., Result]) -> None:
    """Every key has a default."""
    result = run_cli("config", "check")
    assert result.code == 0
    golden(result.out)
    assert run_cli("config", "show").code == 0


def test_the_configuration_of_the_system(
    run_cli: Callable[..., Result], etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's configuration is used where none is named; --config takes precedence."""
    monkeypatch.setattr("sensor.config_file.SYSTEM", etc / "sensor.yaml")
    assert str(etc / "sensor.yaml") in run_cli("config", "check").out
    other = etc / "other.yaml"
    other.write_text("networks: []\n")
    assert run_cli("config", "check", "--config", str(other)).out == f"{other}: good\n"


def test_typos(config: Callable[..., Result], etc: Path) -> None:
    """A misspelt key, detector, value and output type in two files are all reported at once, each with a suggestion."""
    (etc / "sensor.yaml").write_text(
        "capture: {interface: [eth0]}\npreset: quite\ndetectors:\n  discovery.portscan: {ports: 3}\n"
    )
    layer(etc, "outputs:\n  siem: {type: htttp, url: 'https://x'}\n")
    result = config("check")
    lines = result.err.splitlines()
    assert result.code == 2
    assert [line.split(": ")[0] for line in lines] == [
        "conf.d/10.yaml:2:16",
        "sensor.yaml:1:11",
        "sensor.yaml:2:9",
        "sensor.yaml:4:3",
    ]
    for line, meant in zip(lines, ("http", "interfaces", "quiet", "discovery.port_scan"), strict=True):
        assert f"did you mean '{meant}'?" in line
    assert result.out.startswith("4 faults")


def test_secrets_that_are_missing(config: Callable[..., Result], etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing file, variable and credential are reported at their key with the place; a disabled output is skipped."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(etc))
    monkeypatch.delenv("SENSOR_NOT_SET", raising=False)
    secrets = (
        "password: 'env:SENSOR_NOT_SET', user: me, secret_headers: {X-Key: 'credential:none'}, sign: 'file:/none/sign'"
    )
    off = "\n  off: {type: http, url: 'https://127.0.0.1', token: 'env:SENSOR_NOT_SET', enabled: false}\n"
    layer(etc, f"outputs:\n  more: {{type: http, url: 'https://127.0.0.1', {secrets}}}{off}")
    result = config("check")
    assert result.code == 2
    text = (etc / "conf.d" / "10.yaml").read_text().splitlines()[1]
    places = {key: f"conf.d/10.yaml:2:{text.index(key) + 1}: the secret {place} " for key, place in
              {"password": "env:SENSOR_NOT_SET", "X-Key": "credential:none",
              "sign": "file:/none/sign"}.items()}  # fmt: skip
    assert len(result.err.splitlines()) == 3
    assert all(place in result.err for place in places.values()), result.err


def test_a_credential_outside_of_systemd(
    config: Callable[..., Result], etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the service receives credentials: their absence is a warning, not an error."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    layer(etc, "outputs:\n  siem: {token: 'credential:siem'}\n")
    result = config("check")
    assert result.code == 0
    assert result.err.startswith("conf.d/10.yaml:2:10: warning: ")
    assert " credential:siem " in result.err


def test_a_secret_that_holds_no_url(config: Callable[..., Result], etc: Path) -> None:
    """The content of a secret that is not a URL is not shown."""
    layer(etc, f"outputs:\n  siem: {{url: 'file:{etc / 'token'}'}}\n")
    result = config("check")
    assert result.code == 2
    assert result.err.startswith("conf.d/10.yaml:2:10: ")
    assert " file:token: " in result.err
    assert "hush" not in result.err


def test_unknown_hosts(config: Callable[..., Result], etc: Path) -> None:
    """Unknown hosts in a URL, a list and a name are each reported at their key; behind a proxy only the proxy is
    resolved; addresses and sockets are not resolved.
    """
    layer(etc, f"""\
outputs:
  siem: {{url: 'https://{NOWHERE}/in'}}
  queue:
    type: kafka
    brokers: ['127.0.0.1:9092', '{NOWHERE}:9092']
  logs: {{type: syslog, host: {NOWHERE}}}
  behind: {{type: http, url: 'https://a.{NOWHERE}', proxy: 'http://b.{NOWHERE}:3128'}}
  base: {{type: postgresql, host: /run/postgresql}}
""")  # fmt: skip
    result = config("check")
    assert result.code == 2
    lines = result.err.splitlines()
    assert [line.split(": ")[0].split(":")[1] for line in lines] == ["2", "5", "6", "7"]
    assert lines[1].startswith("conf.d/10.yaml:5:33: ")
    assert [name for line in lines for name in re.findall(r"\S+\.invalid", line)] == [
        NOWHERE,
        NOWHERE,
        NOWHERE,
        f"b.{NOWHERE}",
    ]
    assert config("check", "--offline").code == 0


def test_a_resolver_that_is_silent(config: Callable[..., Result], etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All names are resolved in parallel with one timeout; the rest of the check continues."""
    over = threading.Event()
    monkeypatch.setattr(checking, "RESOLVE_S", 0.3)

    def silent(*_: object, **__: object) -> list[object]:
        over.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    layer(etc, "".join(("outputs:\n", *(f"  o{n}: {{type: syslog, host: h{n}.example}}\n" for n in range(20)))))
    began = time.monotonic()
    result = config("check")
    over.set()
    assert time.monotonic() - began < 30
    assert result.err.count("no answer within 0.3 s") == 20 + 1


def test_certificates(golden: Golden, config: Callable[..., Result], etc: Path) -> None:
    """Missing and invalid certificates are reported at their keys."""
    (etc / "ca.pem").write_text("no certificate\n")
    layer(
        etc,
        (
            "outputs:\n  siem:\n    tls:\n      ca: ../ca.pem\n  other: {type: syslog, host: 127.0.0.1, "
            "transport: tls, tls: {certificate: c.pem, key: k.pem}}\n"
        ),
    )
    lines = config("check").err.splitlines()
    assert lines[0].startswith("conf.d/10.yaml:4:7: ")
    assert " conf.d/../ca.pem " in lines[0]
    golden([line.partition(": ")[2] for line in lines[1:]])


def test_files_that_do_not_load(config: Callable[..., Result], etc: Path, tmp_path: Path) -> None:
    """Lists, fingerprint folders, the OUI registry, rules, mutes: a missing file is reported at its key, an invalid one
    at the line in the file.
    """
    for folder in ("own", "rules"):
        (etc / folder).mkdir()
    (etc / "list.txt").write_text("203.0.113.66\n203.0.113.999\n")
    (etc / "prose.txt").write_text("this is prose, and no list at all\n")
    (etc / "own" / "a.yaml").write_text("fingerprints: 5\n")
    (etc / "rules" / "a.yaml").write_text("rules:\n  - {id: broken, title: Broken, when: dns.qery}\n")
    (tmp_path / "mutes.yaml").write_text("mutes: [{id: x}]\n")
    layer(
        etc,
        (
            "intel: [../list.txt, ../prose.txt, none.txt]\nfingerprints: {folders: [../own, gone], "
            "oui_registry: oui.txt}\ncapture: {filter: nott port 22}\n"
        ),
    )
    result = config("check", "--state", str(tmp_path))
    assert result.code == 2
    lines = result.err.splitlines()
    for start in (
        "conf.d/10.yaml:1:36: threat list conf.d/none.txt: cannot be read: No such file",
        "conf.d/10.yaml:2:34: conf.d/gone: found no such folder",
        "conf.d/10.yaml:2:41: conf.d/oui.txt: cannot be read: No such file",
        "conf.d/10.yaml:3:11: filter 'nott port 22' does not compile",
        "conf.d/../list.txt:2:1: warning: 1 lines are skipped, the first: ",
        "conf.d/../prose.txt:1:1: no valid indicator",
        "rules/a.yaml:2:39: found 'dns.qery', did you mean 'dns.query'?",
    ):
        assert any(line.startswith(start) for line in lines), (start, result.err)
    assert any("own/a.yaml:1:" in line for line in lines)
    assert any("mutes.yaml:1:" in line for line in lines)
    assert "(1 output, 3 threat lists, 2 fingerprint folders)" in result.out


def test_a_list_that_sensor_intel_keeps(golden: Golden, config: Callable[..., Result], tmp_path: Path) -> None:
    """A list of `sensor intel` is accepted, and so is the file with its sources."""
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "lists.yaml").write_text("lists: [{nam: x}]\n")
    (tmp_path / "intel" / "ours.list").write_text("nothing of use here, says everybody\n")
    result = config("check", "--state", str(tmp_path))
    assert result.code == 2
    golden(result.err, "intel/lists.yaml:1:10")
    golden(result.err, "intel/ours.list:1:1")


# show


def test_what_the_files_report(config: Callable[..., Result], etc: Path) -> None:
    """Equivalent YAML is printed, each value with its file and line; secrets are shown by their place."""
    layer(etc, "capture:\n  rings: 4\nevents: log.jsonl\n")
    result = config("show")
    assert result.code == 0
    assert "  rings: 4  # conf.d/10.yaml:2" in result.lines
    assert "  interfaces: [eth0]  # sensor.yaml:3" in result.lines
    assert "events: conf.d/log.jsonl  # conf.d/10.yaml:3" in result.lines
    assert "    token: file:token  # sensor.yaml:11" in result.lines
    assert "hush" not in result.out
    assert "default" not in result.out


def test_everything_that_counts(config: Callable[..., Result], etc: Path, tmp_path: Path) -> None:
    """Files override presets, which override defaults; the output loads as the same configuration."""
    layer(etc, "detectors:\n  impact.flood: {sources: 33}\n")
    result = config("show", "--effective")
    flood = result.lines.index("  impact.flood:")
    assert "    flows: 10000  # preset quiet" in result.lines[flood:]
    assert "    sources: 33  # conf.d/10.yaml:2" in result.lines[flood:]
    assert "  least: medium  # preset quiet" in result.lines
    assert "    ports: 40  # sensor.yaml:6" in result.lines
    assert "  promiscuous: true  # default" in result.lines
    assert "    batch_events: 500  # default" in result.lines
    again = tmp_path / "again.yaml"
    again.write_text(result.out.replace("file:token", f"file:{etc}/token"))
    was, now = load_config(etc), load_config(again)
    for name in detector_units():
        assert now.options(name).model_dump() == was.options(name).model_dump()
    assert now.outputs["siem"].model_dump(mode="json") == was.outputs["siem"].model_dump(mode="json")
    assert now.capture == was.capture


def test_a_preset_wins_over_no_file(config: Callable[..., Result], etc: Path) -> None:
    """Where the file sets some options of a detector, the preset sets the others."""
    result = config("show", "--effective")
    scan = result.lines[result.lines.index("  discovery.port_scan:") :]
    assert "    slow_ports: 100  # preset quiet" in scan


def test_as_objects(config: Callable[..., Result], etc: Path) -> None:
    """One JSON object a line, whose keys are the path in the document."""
    rows = [json.loads(line) for line in config("show", "--json").lines]
    assert {"key": ["capture", "rings"], "value": 2, "from": "sensor.yaml:3"} in rows
    assert {"key": ["detectors", "discovery.port_scan", "ports"], "value": 40, "from": "sensor.yaml:6"} in rows
    everything = [json.loads(line) for line in config("show", "--effective", "--json").lines]
    assert len(everything) > 400
    assert len({tuple(row["key"]) for row in everything}) == len(everything)


def test_defaults_are_those_without_a_file(config: Callable[..., Result]) -> None:
    """Defaults are printed regardless of the files, readable or not."""
    result = config("show", "--defaults")
    assert "preset: balanced  # default" in result.lines
    assert "    ports: 25  # default" in result.lines
    assert {line.rpartition("  # ")[2] for line in result.lines if "  # " in line} == {"default"}


def test_what_looks_like_a_secret_is_not_shown(config: Callable[..., Result], etc: Path) -> None:
    """Queries of URLs and values of secret headers are masked."""
    layer(
        etc, "outputs:\n  siem: {url: 'https://127.0.0.1/in?sig=HIDDEN', headers: {X-Api-Key: HIDDEN, X-Site: shown}}\n"
    )
    for arguments in ((), ("--effective",), ("--json",)):
        result = config("show", *arguments)
        assert "HIDDEN" not in result.out
        assert "shown" in result.out


def test_a_broken_configuration_is_not_shown(config: Callable[..., Result], etc: Path) -> None:
    layer(etc, "captur: {}\n")
    result = config("show")
    assert (result.code, result.out) == (2, "")
    assert "capture" in result.suggestions


# schema


@pytest.fixture(scope="module")
def valid() -> Callable[[Any], list[str]]:
    """Whether an independent JSON Schema validator accepts a document."""
    made = schema()
    Draft202012Validator.check_schema(made)
    validator = Draft202012Validator(made)
    return lambda value: [error.message for error in validator.iter_errors(value)]


def test_the_schema_is_json(run_cli: Callable[..., Result]) -> None:
    """The schema is valid for the draft it names, and has every section, detector and output type."""
    made = json.loads(run_cli("config", "schema").out)
    assert made == json.loads(json.dumps(schema()))
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(made["properties"]) == set(model().model_fields)
    assert set(made["$defs"]["Detectors"]["properties"]) == set(detector_units())
    assert made["$defs"]["Output"]["properties"]["type"]["enum"] == types()


def test_every_default_is_valid(valid: Callable[[Any], list[str]], run_cli: Callable[..., Result]) -> None:
    """The output of `show --defaults` is valid."""
    [shown] = foreign_documents(Path("shown"), run_cli("config", "show", "--defaults").out)
    assert len(shown["detectors"]) == len(detector_units())
    assert valid(shown) == []


def test_every_key_has_a_description() -> None:
    """Sections, keys of outputs and options of detectors have descriptions, except a few that are self-explanatory."""
    made = schema()
    silent = [
        f"{name}.{key}"
        for name, one in made["$defs"].items()
        for key, about in one.get("properties", {}).items()
        if not about.get("description")
    ]
    total = sum(len(one.get("properties", {})) for one in made["$defs"].values())
    assert len([name for name in silent if not name.endswith(".enabled")]) < total * 0.06, silent
    assert all(about.get("description") for about in made["properties"].values())


OUTPUTS = [
    {"type": "file", "path": "out.jsonl", "format": "ecs", "filter": {"kinds": ["alert"], "severity": "high"}},
    {"type": "http", "url": "env:URL", "token": "credential:siem", "tls": {"minimum": "1.3", "ca": None}},
    {"type": "kafka", "brokers": ["a:9092"], "sasl": {"user": "me", "password": "file:/x"}, "batch_events": 100},
    {"type": "mqtt", "url": "mqtt://a", "home_assistant": {}},
    {"type": "syslog", "host": "a", "transport": "tls", "redact": ["src.hostname"]},
]


@pytest.mark.parametrize("options", OUTPUTS, ids=[str(one["type"]) for one in OUTPUTS])
def test_outputs_by_type(valid: Callable[[Any], list[str]], tmp_path: Path, options: dict[str, Any]) -> None:
    """The schema accepts exactly the outputs that the configuration accepts."""
    path = tmp_path / "sensor.yaml"
    path.write_text(as_yaml({"outputs": {"one": options}}))
    load_config(path)
    assert valid({"outputs": {"one": options}}) == []
    assert valid({"outputs": {"one": {**options, "typo": 1}}})
    assert valid({"outputs": {"one": {**options, "type": "nothing"}}})
    assert valid({"outputs": {"one": {key: value for key, value in options.items() if key != "type"}}})


@pytest.mark.parametrize(
    "invalid",
    [
        {"captur": {}},
        {"capture": {"ring": 3}},
        {"capture": {"rings": 0}},
        {"capture": {"rings": "many"}},
        {"preset": "quite"},
        {"detectors": {"discovery.portscan": {}}},
        {"detectors": {"discovery.port_scan": {"prots": 1}}},
        {"outputs": {"My SIEM": {"type": "file", "path": "x"}}},
        {"outputs": {"a": {"type": "file"}}},
        {"outputs": {"a": {"type": "file", "path": "x", "format": "ces"}}},
        {"outputs": {"a": {"type": "syslog", "host": "x", "url": "https://of-another-type"}}},
        {"outputs": {"a": {"type": "http", "url": "https://x", "token": "in-the-clear"}}},
        {"outputs": {"a": {"type": "http", "url": "https://x", "filter": {"kind": []}}}},
    ],
)
def test_typos_are_refused(valid: Callable[[Any], list[str]], invalid: dict[str, Any]) -> None:
    """Misspelt keys, values and names, numbers out of range, and options of another output type are rejected."""
    assert valid(invalid)


def documented(root: Path) -> Iterator[tuple[str, str]]:
    """Configuration examples in the documentation: name and text."""
    known = set(model().model_fields)
    files = [root / "README.md", *root.glob("docs/**/*.md"), *root.glob("integrations/**/*.md")]
    for file in files:
        for number, text in enumerate(re.findall(r"```ya?ml\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)):
            if set(re.findall(r"^(\w+):", text, re.MULTILINE)) & (known - {"sensor"}):
                yield f"{file.relative_to(root)}#{number}", text


def test_every_documented_example_is_valid(valid: Callable[[Any], list[str]], root: Path) -> None:
    """The examples of README, guide and shipped content are valid."""
    examples = [(name, one) for name, text in documented(root) for one in foreign_documents(Path(name), text)]
    assert examples
    assert [name for name, one in examples if valid(one)] == []


# init


@pytest.fixture
def interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with an address on eth0, and a mirror port."""

    class One:
        def __init__(self, name: str, running: bool, *addresses: str) -> None:
            self.name, self.up, self.running, self.addresses = name, running, running, list(addresses)

    found = [One("eth0", True, "192.0.2.5/24", "fe80::1/64"), One("mirror0", True, "fe80::2/64"), One("eth9", False)]
    monkeypatch.setattr(asking, "_interfaces", lambda: found)


def test_without_a_question(run_cli: Callable[..., Result], tmp_path: Path, interfaces: None) -> None:
    """Without questions, a valid file has this machine's name and the interface that looks like a mirror port."""
    path = tmp_path / "new" / "sensor.yaml"
    result = run_cli("config", "init", "--yes", str(path))
    assert (result.code, result.out) == (0, f"wrote {path}; next: sensor config check {path}\n")
    made = load_config(path)
    assert (made.sensor.id, made.capture.interfaces) == (load_config(None).sensor.id, ["mirror0"])
    assert run_cli("config", "check", str(path)).out == f"{path}: good\n"


def test_a_file_that_is_there_is_left_alone(run_cli: Callable[..., Result], etc: Path) -> None:
    """An existing file is not replaced, unless an option allows it."""
    path = etc / "sensor.yaml"
    before = path.read_text()
    result = run_cli("config", "init", "--yes", str(path))
    assert (result.code, path.read_text()) == (2, before)
    assert "--force" in result.err
    assert run_cli("config", "init", "--yes", str(etc)).code == 2
    assert run_cli("config", "init", "--yes", "--force", str(path)).code == 0
    assert path.read_text() != before
    (etc / "link.yaml").symlink_to("nowhere")
    assert run_cli("config", "init", "--yes", str(etc / "link.yaml")).code == 2


def test_a_place_that_cannot_be_written(run_cli: Callable[..., Result], etc: Path) -> None:
    """An unwritable place is reported with what to do."""
    result = run_cli("config", "init", "--yes", str(etc / "token" / "sensor.yaml"))
    assert result.code == 3
    assert "cannot write" in result.err


def uncommented(text: str) -> str:
    """The text with all settings uncommented."""
    return re.sub(r"^#(?! [^ ])", "", text, flags=re.MULTILINE)


def test_uncommenting_all_gives_the_defaults(tmp_path: Path) -> None:
    """No key is missing, misspelt or outdated; without changes the file sets only what was answered."""
    text = document({"sensor": {"id": "x"}})
    path = tmp_path / "sensor.yaml"
    path.write_text(uncommented(text))
    whole, default = load_config(path), load_config(None)
    [result] = foreign_documents(path, path.read_text())
    assert set(result) == set(model().model_fields)
    for name, field in model().model_fields.items():
        below = models_in(field.annotation)
        if below:
            assert set(result[name]) == {one.alias or key for key, one in below[0].model_fields.items()}
    assert {unit: set(options) for unit, options in result["detectors"].items()} == {
        name: set(unit.Options.__struct_fields__) for name, unit in detector_units().items()
    }
    answered = {"sensor", "outputs", "detectors"}
    assert whole.outputs == default.outputs == {}
    assert whole.model_dump(exclude=answered) == default.model_dump(exclude=answered)
    assert all(whole.options(name) == default.options(name) for name in detector_units())
    path.write_text(text)
    assert load_config(path).model_dump(exclude=answered) == default.model_dump(exclude=answered)
    assert all(len(line) <= 240 for line in text.splitlines())


@pytest.mark.parametrize("kind", types())
def test_an_output_with_all_its_options(tmp_path: Path, kind: str) -> None:
    """Required keys of the type are set; the others are listed with their effective default."""
    needed = {
        "path": "x", "url": "https://x", "host": "h", "servers": ["nats://h"], "brokers": ["h:9092"],
        "sender": "a@example.org",
        "recipients": ["b@example.org"], "rule": "dcr-1", "tenant": "t", "client_id": "c", "client_secret": "env:X",
        "token": "env:X", "system": "github", "credentials": "hub.creds",
    }  # fmt: skip
    schemes = {"amqp": "amqp://h", "mqtt": "mqtt://h", "redis": "redis://h"}
    required = [
        key
        for key, field in pydantic_model(output_class(kind).Options).model_fields.items()
        if field.is_required() or (kind, key) == ("splunk_hec", "token")
    ]
    answers = {
        "type": kind,
        **{key: schemes.get(kind, needed[key]) if key == "url" else needed[key] for key in required},
    }
    text = document({"outputs": {"one": answers}})
    path = tmp_path / "sensor.yaml"
    loaded = []
    for each in (text, uncommented(text)):
        path.write_text(each)
        loaded.append(load_config(path).outputs["one"].model_dump(mode="json"))
    assert loaded[0] == loaded[1]


def answering(folder: Path, *answers: str) -> tuple[int, str, Path]:
    """A user at a terminal: exit code, questions, and the file."""
    path = folder / "sensor.yaml"
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "sensor", "config", "init", str(path)],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            os.write(ours, "".join(f"{answer}\n" for answer in answers).encode() + b"\x04")
            out, _ = process.communicate(timeout=120)
    finally:
        os.close(ours)
        os.close(theirs)
    return process.returncode, out.decode(), path


def test_a_conversation(tmp_path: Path) -> None:
    """Invalid answers are asked again; valid ones are in the file, and the file is valid."""
    values = ("hq-3f", "HQ", "nosuch0", "lo9", "", "300.0.0.0/8", "203.0.113.0/24 198.51.100.0/24", "10.0.0.9",
        "", "htttp", "http", "My SIEM", "siem", "ftp://x",
             "https://siem.example/in")  # fmt: skip
    has_interfaces = bool(asking._interfaces())
    code, requested, path = answering(
        tmp_path, *(word for word in values if has_interfaces or word not in ("nosuch0", "lo9"))
    )
    assert code == 0, requested
    assert "did you mean 'http'?" in requested
    assert "expected a URL" in requested
    made = load_config(path)
    assert (made.sensor.id, made.sensor.site, made.networks) == ("hq-3f", "HQ", ["203.0.113.0/24", "198.51.100.0/24"])
    assert (made.roles.scanner, made.roles.backup) == (["10.0.0.9"], [])
    assert str(made.outputs["siem"].url) == "https://siem.example/in"


def test_no_answer(run_cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal the alternative is reported; a user who aborts leaves no file."""
    with Path(os.devnull).open() as no_listener:
        monkeypatch.setattr(sys, "stdin", no_listener)
        result = run_cli("config", "init", str(tmp_path / "sensor.yaml"))
    assert (result.code, "--yes" in result.err) == (2, True)
    code, requested, path = answering(tmp_path, "hq")
    assert (code, path.exists()) == (2, False)
    assert "nothing was written" in requested


def test_descriptions_of_keys(golden: Golden) -> None:
    """Descriptions are taken from a docstring: at the key, or in the clause that names it."""
    from sensor.core.output import Options

    described_options = described(pydantic_model(Options))
    golden(described_options["rate"])
    golden(described_options["batch_kib"])
    golden(described_options["backoff_max_s"])


@pytest.mark.parametrize(
    "value",
    ["", "plain", "no", "1.5", "1e5", "0x1f", "a: b", "a #b", "- x", "~", "null", 'a"b\\c', "é ü", "a\nb\t\x7f\u2028",
    "😀", "10:20:30:40", "2026-11-24",
     "*a", "&a", "!x", "@x", "%x", "a:", "/x/y.z", "~/x", "https://x/y?z=1", 1, 1.5, 1e-07, 1e30, True, None, [], {},
     ["a", ["b, c"]],
     {"a b": {"c": [1]}, "x: y": "{"}],
)  # fmt: skip
def test_values_come_back(tmp_path: Path, value: Any) -> None:
    """Values that are written load unchanged, in the sensor's reader and in other YAML readers."""
    from pydantic import BaseModel

    from sensor.documents import load_document

    class Document(BaseModel):
        one: Any

    text = f"one: {as_yaml(value)}  # words\n"
    assert load_document(tmp_path / "x.yaml", Document, text=text).one == value
    if value not in ("~/x", "2026-11-24", "10:20:30:40"):
        assert foreign_documents(tmp_path, text) == [{"one": value}]
