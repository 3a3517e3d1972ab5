"""Layers of the configuration: sensor.yaml, files of conf.d on top of it, and the file of each value and fault."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from sensor.config import load_config, usual
from sensor.delivery.section import load_delivery
from sensor.documents import DocumentErrors, Position, layers, places
from sensor.documents.layers import SIZE_LIMIT
from sensor.documents.load import FAULTS_LIMIT
from sensor.documents.nodes import DEPTH_LIMIT
from tests import sampling
from tests.golden import Golden

BASE = """\
sensor: {id: hq, site: HQ}
networks: [203.0.113.0/24]
intel: [lists/bad.txt]
capture:
  interfaces: [eth0]
  rings: 2
detectors:
  discovery.port_scan: {ports: 40}
outputs:
  siem:
    type: http
    url: https://siem.example/in
    filter: {severity: medium}
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """The folder of a sensor.yaml with a conf.d beside it."""
    (tmp_path / "etc" / "conf.d").mkdir(parents=True)
    put(tmp_path / "etc", "sensor.yaml", BASE)
    return tmp_path / "etc"


def put(etc: Path, name: str, text: str) -> Path:
    path = etc / name
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path) -> list[str]:
    """The faults, with paths relative to the folder."""
    with pytest.raises(DocumentErrors) as caught:
        load_config(path)
    return [str(fault).removeprefix(f"{path.parent}/") for fault in caught.value.faults]


def plain(config: Any) -> dict[str, Any]:
    """A configuration as values that can be compared."""
    outputs = {name: options.model_dump(mode="json") for name, options in config.outputs.items()}
    return {**config.model_dump(mode="json", exclude={"outputs"}), "outputs": outputs}


def test_later_layers_win(etc: Path) -> None:
    """Mappings are merged key by key, at any depth; lists are replaced; other values stay."""
    put(
        etc,
        "conf.d/10-site.yaml",
        "networks: [198.51.100.0/24]\ncapture: {rings: 4}\ndetectors:\n  discovery.port_scan: {window_s: 60}\n",
    )
    put(
        etc,
        "conf.d/20-more.yaml",
        "capture: {rings: 8}\noutputs:\n  siem: {filter: {kinds: [alert]}}\n  archive: {type: file, path: /x}\n",
    )
    config = load_config(etc / "sensor.yaml")
    assert config.networks == ["198.51.100.0/24"]
    assert (config.capture.interfaces, config.capture.rings) == (["eth0"], 8)
    assert (config.options("discovery.port_scan").ports, config.options("discovery.port_scan").window_s) == (40, 60)
    assert list(config.outputs) == ["siem", "archive"]
    assert (config.outputs["siem"].filter.severity, config.outputs["siem"].filter.kinds) == ("medium", ["alert"])
    assert plain(load_delivery(etc / "sensor.yaml"))["outputs"] == plain(config)["outputs"]


def test_which_files_are_layers(etc: Path) -> None:
    """Files of conf.d in order of name, without those of editors and packagers; conf.d belongs to sensor.yaml only."""
    for name in ("20.yaml", "15.yml", "10.yaml", ".#10.yaml", "10.yaml~", "10.yaml.dpkg-old", "README"):
        put(etc, f"conf.d/{name}", "networks: []\n")
    expected = [etc / name for name in ("sensor.yaml", "conf.d/10.yaml", "conf.d/15.yml", "conf.d/20.yaml")]
    assert layers(etc / "sensor.yaml") == layers(etc) == expected
    other = put(etc, "office.yaml", BASE)
    assert layers(other) == [other]
    assert layers(etc / "conf.d") == expected[1:]
    (etc / "empty").mkdir()
    with pytest.raises(DocumentErrors, match=r"empty:1:1: .*\bsensor\.yaml\b"):
        layers(etc / "empty")


def test_a_layer_with_both_suffixes_is_a_fault(etc: Path) -> None:
    """One of them is probably a forgotten copy. The fault names it."""
    for name in ("10.yaml", "10.yml", "20.yml"):
        put(etc, f"conf.d/{name}", "networks: []\n")
    with pytest.raises(DocumentErrors) as caught:
        load_config(etc)
    assert [(fault.path.name, fault.code) for fault in caught.value.faults] == [("10.yml", "config.not-read")]


def test_a_folder_is_a_configuration(etc: Path) -> None:
    """A folder stands for its sensor.yaml, or else for all its files; paths are relative to it as to the file."""
    assert plain(load_config(etc)) == plain(load_config(etc / "sensor.yaml"))
    put(etc, "conf.d/10.yaml", "sensor: {id: other}\nevents: log.jsonl\n")
    assert load_config(etc / "conf.d").events == load_config(etc).events == etc / "conf.d" / "log.jsonl"
    assert (load_config(etc).sensor.id, load_config(etc).sensor.site) == ("other", "HQ")


def test_paths_begin_at_the_file_that_names_them(etc: Path) -> None:
    """Sections, lists and options of outputs too; absolute paths and ~ are unchanged."""
    put(
        etc,
        "conf.d/a.yaml",
        (
            "evidence: {folder: proof}\nfingerprints: {folders: [own, /abs, ~/mine]}\noutputs:\n  out: "
            "{type: file, path: out.jsonl}\n"
        ),
    )
    config = load_config(etc)
    assert config.intel == [etc / "lists" / "bad.txt"]
    assert config.evidence.folder == etc / "conf.d" / "proof"
    assert config.fingerprints.folders == [etc / "conf.d" / "own", Path("/abs"), Path.home() / "mine"]
    assert config.outputs["out"].path == etc / "conf.d" / "out.jsonl"


def test_a_value_means_the_same_in_a_layer(etc: Path) -> None:
    """Words, secrets, addresses and numbers: the whole configuration as a layer is equal, except for relative paths."""
    more = (
        "  chat: {type: webhook, url: 'env:CHAT', receiver: slack, sign: 'env:S', headers: {A: b}, tls: "
        "{minimum: '1.3', ca: /ca.pem}, format: native}\n"
    )
    text = (
        f"preset: quiet\nroles: {{backup: [10.0.0.1]}}\nalerts: {{least: "
        f"low}}\n{BASE.replace('lists/bad', '/bad')}{more}"
    )
    put(etc, "sensor.yaml", text)
    alone = plain(load_config(etc))
    put(etc, "sensor.yaml", "preset: paranoid\n")
    put(etc, "conf.d/a.yaml", text)
    assert plain(load_config(etc)) == alone
    assert type(load_config(etc).outputs["chat"].tls.minimum) is str


def test_an_output_may_be_called_off(golden: Golden, etc: Path) -> None:
    """YAML 1.1 reads off as false; a number is reported with the valid form."""
    put(etc, "conf.d/a.yaml", "outputs:\n  off: {type: file, path: /x}\n")
    assert list(load_config(etc).outputs) == ["siem", "off"]
    put(etc, "conf.d/a.yaml", "outputs:\n  5: {type: file, path: /x}\n")
    golden(faults(etc / "sensor.yaml"), "conf.d/a.yaml:2:3")


def test_layers_that_contradict(etc: Path) -> None:
    """An output with another type: options that no longer fit are reported in both files at once."""
    put(etc, "conf.d/a.yaml", "outputs:\n  siem: {type: file, pth: x}\n")
    reported = faults(etc / "sensor.yaml")
    assert len(reported) == 3
    assert reported[0].startswith("conf.d/a.yaml:2:22: ")
    assert "'pth'" in reported[0]
    assert "did you mean 'path'?" in reported[0]
    assert reported[1].startswith("sensor.yaml:11:5: ")
    assert "'path'" in reported[1]
    assert reported[2].startswith("sensor.yaml:12:5: ")
    assert "'url'" in reported[2]


def test_a_layer_of_another_shape(golden: Golden, etc: Path) -> None:
    """A list or null in place of a mapping is reported at the layer that has it."""
    put(etc, "conf.d/a.yaml", "capture: [eth1]\noutputs:\n")
    golden(faults(etc / "sensor.yaml"))


def test_a_broken_layer_hides_no_other_fault(golden: Golden, etc: Path) -> None:
    """An invalid layer is reported with all other faults; keys that it may have set are not reported as missing."""
    put(etc, "conf.d/10.yaml", "outputs:\n\tsiem: {}\n")
    put(
        etc,
        "conf.d/20.yaml",
        "captur: {}\noutputs:\n  other: {path: x}\n  siem: {url: 'https://a', url: 'https://b'}\n",
    )
    reported = faults(etc / "sensor.yaml")
    golden(reported[0])
    assert reported[1].startswith("conf.d/20.yaml:1:1: ")
    assert "'captur'" in reported[1]
    golden(reported[2])
    assert len(reported) == 3


def test_layers_without_keys(golden: Golden, etc: Path) -> None:
    """A file with comments only has no effect; an unreadable one is reported."""
    put(etc, "conf.d/a.yaml", "# nothing\n\n  # yet\n")
    put(etc, "conf.d/b.yaml", "")
    assert load_config(etc).sensor.id == "hq"
    (etc / "conf.d" / "c.yaml").symlink_to("nowhere")
    golden(faults(etc / "sensor.yaml"))


def test_where_everything_stands(etc: Path) -> None:
    """Each key has the file of the layer that set it."""
    put(etc, "conf.d/a.yaml", "capture:\n  rings: 4\n")
    found = places(etc)
    assert found["capture", "rings"] == Position(etc / "conf.d" / "a.yaml", 2, 3)
    assert str(found["capture", "interfaces", 0]) == f"{etc}/sensor.yaml:5:16"
    assert found["outputs", "siem", "filter", "severity"].line == 13
    assert ("networks", 1) not in found


# In a file: as many characters as a file may have.
FILLING = "<filling>"
BOMB = "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}' if n else 'x'] * 20)}]\n" for n in range(20))


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (BOMB, " 500,000 "),
        ("networks: &a [*a, *a, *a]\n", f"nested deeper than {DEPTH_LIMIT} levels"),
        ("networks: " + "[" * 100_000, "exceeded maximum nesting depth"),
        ("networks:\n" + "- " * 100_000 + "x\n", "exceeded maximum nesting depth"),
        ("networks: " + "[" * 200 + "]" * 200 + "\n", f"nested deeper than {DEPTH_LIMIT} levels"),
        (f"# {FILLING}\n", " 16 MiB"),
        ("intel: [" + "[], " * 100_000 + "]\n", f"and {100_000 - FAULTS_LIMIT:,} more faults"),
        ("intel: ['~nobody-of-this-name/x']\n", "~nobody-of-this-name"),
    ],
    ids=["bomb", "cycle", "deep flow", "deep block", "deep", "huge", "many faults", "nobody"],
)
@pytest.mark.parametrize("name", sampling.drawn(["sensor.yaml", "conf.d/a.yaml"], 1, "places of hostile files"))
def test_hostile_files(etc: Path, name: str, text: str, reported: str) -> None:
    """They are rejected quickly with a message, as a document and as a layer."""
    if name == "sensor.yaml":
        (etc / "conf.d").rmdir()
    put(etc, name, text.replace(FILLING, "x" * SIZE_LIMIT))
    began = time.thread_time()
    found = faults(etc / "sensor.yaml")
    assert any(reported in line for line in found), found
    assert all(line.startswith((name, "sensor.yaml:1:1: and ")) for line in found)
    assert len(found) <= FAULTS_LIMIT + 1
    assert time.thread_time() - began < 10


def test_bombs_in_two_layers(etc: Path) -> None:
    """Each layer is small; the merged document is not."""
    bomb = "a: &a {x: 1}\n" + "".join(
        f"{to}: &{to} {{{', '.join(f'k{n}: *{of}' for n in range(9))}}}\n"
        for of, to in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for name in ("sensor.yaml", "conf.d/a.yaml"):
        put(etc, name, bomb)
    began = time.thread_time()
    found = faults(etc / "sensor.yaml")
    # Expanded, the documents would have 400 million values; coverage measures every line of the reader.
    assert time.thread_time() - began < 120
    assert found
    assert [line for line in found if "found more than" not in line] == []


def test_which_configuration_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The named one, otherwise the system's if it exists; a dangling link exists, so that it is reported."""

    def system(path: Path) -> Any:
        monkeypatch.setattr("sensor.config_file.SYSTEM", path)
        return usual(None)

    assert system(tmp_path / "none" / "sensor.yaml") is None
    there = put(tmp_path, "sensor.yaml", "networks: []\n")
    assert system(there) == there
    assert system(there / "below") is None
    (tmp_path / "link.yaml").symlink_to("nowhere")
    assert system(tmp_path / "link.yaml") == tmp_path / "link.yaml"
    assert usual(Path("mine.yaml")) == Path("mine.yaml")
