"""The section ``outputs:``: options by name, and every fault at its place with the nearest valid key of that output."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sensor.outputs
from sensor.config import load_config
from sensor.core.output import Output
from sensor.delivery.catalogue import formats_of, output_class, types
from sensor.delivery.section import enabled, load_delivery, type_of
from sensor.documents import DocumentErrors
from sensor.outputs.formats import FORMATS


def write(folder: Path, text: str) -> Path:
    path = folder / "sensor.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    """The faults of delivery, which are those of the whole configuration."""
    path = write(folder, text)
    reported = []
    for load in (load_delivery, load_config):
        with pytest.raises(DocumentErrors) as caught:
            load(path)
        reported.append([str(fault).removeprefix(f"{path}:") for fault in caught.value.faults])
    assert reported[0] == reported[1]
    return reported[0]


def test_every_file_is_an_output() -> None:
    """One class per file, with all attributes that the list of outputs shows; formats and helpers are not outputs."""
    files = {path.stem for path in Path(sensor.outputs.__path__[0]).glob("*.py") if not path.name.startswith("_")}
    assert set(types()) == files
    for name in types():
        unit = output_class(name)
        assert issubclass(unit, Output)
        assert (unit.title, unit.guarantee) != ("", "")
        assert set(formats_of(unit)) <= set(FORMATS), name


def test_guarantees_on_the_page_are_those_of_the_outputs(root: Path) -> None:
    """The page's table names every type of output once, in the row of its guarantee."""
    rows = re.findall(
        r"^\| (each [a-z ]+ once|none) \| (.*) \|$",
        (root / "docs" / "deliver" / "outputs.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    promised = {
        name: row
        for row, reported in rows
        for name in re.findall(r"`(\w+)`", reported)
        if name in types() and (row, name) != ("none", "relp")
    }
    guarantees = {
        "exactly_once": "each record once",
        "at_least_once": "each record at least once",
        "best_effort": "none",
    }
    assert promised == {
        name: guarantees[output_class(name).guarantee] for name in types() if output_class(name).Options.records
    }


def test_options_by_name(tmp_path: Path) -> None:
    """Each output has the options of its type; paths are relative to the file; other sections are ignored."""
    text = (
        "sensor: {id: hq, site: HQ}\nevents: log.jsonl\nnonsense: 1\noutputs:\n  archive:\n    type: "
        "file\n    path: out.jsonl\n    format: ecs\n"
        "  siem: {type: http, url: 'https://siem.example/in', enabled: false, filter: {severity: "
        "medium}, redact: [src.hostname]}\n"
    )
    found = load_delivery(write(tmp_path, text))
    assert (found.sensor.id, found.sensor.site, found.events) == ("hq", "HQ", tmp_path / "log.jsonl")
    archive, siem = found.outputs["archive"], found.outputs["siem"]
    assert (type_of(archive), archive.path, archive.format) == ("file", tmp_path / "out.jsonl", "ecs")
    assert (type_of(siem), siem.filter.severity) == ("http", "medium")
    assert list(enabled(found.outputs)) == ["archive"]
    whole = load_config(write(tmp_path, text.replace("nonsense: 1\n", "")))
    assert list(whole.outputs) == ["archive", "siem"]
    assert load_delivery(write(tmp_path, "sensor: {id: x}\n")).outputs == {}
    assert load_config(None).outputs == load_delivery(None).outputs == {}


def test_two_readings_of_a_configuration_are_equal(tmp_path: Path) -> None:
    """Equal configurations have equal options, so that unchanged outputs continue after a reload."""
    path = write(tmp_path, "outputs:\n  a: {type: file, path: x, filter: {kinds: [alert]}}\n")
    first, second = load_delivery(path).outputs["a"], load_delivery(path).outputs["a"]
    assert first.model_dump() == second.model_dump()


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("outputs:\n  a: {type: htpp, url: x}\n", ["2:13: found 'htpp', ", "did you mean 'http'?"]),
        ("outputs:\n  a: {path: x}\n", ["2:6: found no key 'type'"]),
        (
            "outputs:\n  a:\n    type: file\n    pth: x\n    path: x\n",
            ["4:5: found the key 'pth'", "did you mean 'path'?"],
        ),
        ("outputs:\n  a: {type: file}\n", ["2:6: found no key 'path'"]),
        ("outputs:\n  a: {type: file, path: x, format: ces}\n", ["2:36: found 'ces'", "did you mean 'ecs'?"]),
        ("outputs:\n  a: {type: elasticsearch, url: 'http://x', format: cef}\n", ["found 'cef'", "expected one of"]),
        (
            "outputs:\n  a: {type: file, path: x, filter: {kind: [alert]}}\n",
            ["found the key 'kind'", "did you mean 'kinds'?"],
        ),
        (
            "outputs:\n  a: {type: file, path: x, fields: [srcs.ip]}\n",
            ["found the path 'srcs.ip'", "did you mean 'src'?"],
        ),
        ("outputs:\n  a: {type: file, path: x, redact: [id]}\n", ["cannot be redacted"]),
        (
            "outputs:\n  My SIEM: {type: file, path: x}\n",
            ["2:12: found an output called 'My SIEM'", "1 to 32 lowercase letters"],
        ),
        ("outputs: [file]\n", ["1:10: found a list, expected keys with values"]),
        ("outputs:\n  a: file\n", ["2:6: found 'file', expected keys with values"]),
        ("outputs:\n  a: {type: http, url: 'https://x', password: hunter2}\n", ["expected a reference to a secret"]),
        (
            "outputs:\n  a: {type: http, url: 'https://x', token: 'file:siem.key'}\n",
            ["expected an absolute path: file:/path"],
        ),
        ("outputs:\n  a: {type: http, url: 'https://x', format: nativ}\n", ["expected one of native, cef"]),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, text: str, reported: list[str]) -> None:
    """One fault each, and suggestions only contain keys of the output's type."""
    (fault,) = faults(tmp_path, text)
    assert all(word in fault for word in reported), fault
    assert "hunter2" not in fault


def test_all_at_once(tmp_path: Path) -> None:
    """Faults of two outputs are reported together."""
    reported = faults(
        tmp_path,
        "outputs:\n  a: {type: file, path: x, batch_event: 1}\n  b: {type: http, url: 'https://x', heders: {}}\n",
    )
    assert "'batch_events'" in reported[0]
    assert "'headers'" in reported[1]
