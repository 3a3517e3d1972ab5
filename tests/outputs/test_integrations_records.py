"""Configurations for receivers of traffic records: they read the file that the output writes, and name fields that each
row has. The index template follows from the schema: ``python -m tests.outputs.test_integrations_records`` writes it.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from sensor.delivery.section import load_delivery
from sensor.delivery.traffic import KINDS, ecs, record_of
from sensor.records.schema import FLAG, INT, LIST, NUMBER, SECONDS, TABLES, TEXT, TIME

FOLDER = Path(__file__).parents[2] / "integrations"
MOMENT = "2026-01-05T08:00:00.000001Z"
VALUES: dict[str, Any] = {TIME: MOMENT, INT: 1, FLAG: True, SECONDS: 0.5, NUMBER: 0.5, LIST: ["a"]}


KEYWORD = {"type": "keyword", "ignore_above": 1024}
TYPES: dict[str, dict[str, Any]] = {
    TIME: {"type": "date"}, INT: {"type": "long"}, FLAG: {"type": "boolean"}, SECONDS: {"type": "double"},
    NUMBER: {"type": "double"}, TEXT: KEYWORD, LIST: KEYWORD,
}  # fmt: skip
TEMPLATE = FOLDER / "elastic/traffic-template.json"


def template() -> dict[str, Any]:
    """A type for every field of every table."""
    properties: dict[str, Any] = {"message": {"type": "text"}, "ecs": {"properties": {"version": KEYWORD}}}
    fields = {f"event.{name}": KEYWORD for name in ("id", "kind", "category", "dataset")}
    for table in KINDS:
        for column in TABLES[table].columns:
            kind = {"type": "ip"} if column.ecs.endswith(".ip") else TYPES[column.kind]
            fields[column.ecs or f"sensor.{table}.{column.name}"] = kind
    fields["event.duration"] = TYPES[INT]  # nanoseconds
    for path, kind in sorted(fields.items()):
        *parts, last = path.split(".")
        place = properties
        for part in parts:
            place = place.setdefault(part, {"properties": {}})["properties"]
        place[last] = kind
    settings = {"index": {"mapping": {"ignore_malformed": True}, "default_pipeline": "sensor-ecs"}}
    return {
        "index_patterns": ["traffic-sensor.*"],
        "priority": 300,
        "version": 1,
        "template": {"settings": settings, "mappings": {"properties": properties}},
        "_meta": {"description": "Traffic records of the passive network sensor, format ecs"},
    }


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    """A document of each table, with all columns."""
    made = {}
    for table in KINDS:
        row = {column.name: VALUES.get(column.kind, "a") for column in TABLES[table].columns}
        row |= {"src_ip": "10.0.0.5", "dst_ip": "10.0.0.9"}
        made[table] = json.loads(ecs(table, record_of(table, row)))
    return made


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The output in README.md."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"outputs:\n  traffic: .*", text)
    path = tmp_path_factory.mktemp("shown") / "sensor.yaml"
    path.write_text(shown)
    return load_delivery(path).outputs["traffic"]


def field(document: dict[str, Any], path: str) -> Any:
    for part in path.split("."):
        document = document[part]
    return document


def vector() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "vector/records.toml").read_text(encoding="utf-8"))


def filebeat() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((FOLDER / "filebeat/records.yml").read_text(encoding="utf-8"))
    return made


def logstash() -> str:
    return re.sub("#.*", "", (FOLDER / "logstash/records.conf").read_text(encoding="utf-8"))


def test_all_read_the_file_that_the_output_writes(output: Any) -> None:
    """All configurations read the output's file, also after rotation."""
    (source,) = filebeat()["filebeat.inputs"]
    (paths,) = re.findall(r"path => \[(.*)\]", logstash())
    wanted = [str(output.path), f"{output.path}.1"]
    assert vector()["sources"]["records"]["include"] == source["paths"] == re.findall('"(.*?)"', paths) == wanted
    assert output.format == "ecs"


def test_vector_has_a_way_for_each_table(output: Any, documents: dict[str, dict[str, Any]]) -> None:
    """Inputs exist, repeats are detected by a field of all rows, and unmatched rows are not lost."""
    read = vector()
    parts = {"records", *read["transforms"]}
    ways = read["transforms"]["by_table"]["route"]
    assert [*ways] == output.filter.kinds
    for name, condition in ways.items():
        path, value = re.fullmatch(r'\.([\w.]+) == "(.*)"', condition).groups()  # type: ignore[union-attr]
        assert [table for table, document in documents.items() if field(document, path) == value] == [name]
    for part in [*read["transforms"].values(), *read["sinks"].values()]:
        assert {one.partition(".")[0] for one in part["inputs"]} <= parts
    assert {*read["sinks"]["shown"]["inputs"]} == {f"by_table.{way}" for way in (*ways, "_unmatched")}
    (repeated,) = read["transforms"]["once"]["fields"]["match"]
    assert len({field(document, repeated) for document in documents.values()}) == len(documents)
    assert read["sources"]["records"]["max_line_bytes"] > 64 * 1024
    (time,) = re.findall(r'parse_timestamp!\(string!\(\."(.*?)"\), "%\+"\)', read["transforms"]["rows"]["source"])
    assert {datetime.fromisoformat(document[time]).isoformat() for document in documents.values()} == {
        "2026-01-05T08:00:00.000001+00:00"
    }


def test_filebeat_writes_an_index_for_each_table(documents: dict[str, dict[str, Any]]) -> None:
    """The pipeline sets the document id to the row's id; the indices are not those of events."""
    read = filebeat()
    (source,), target = read["filebeat.inputs"], read["output.elasticsearch"]
    (parser,) = source["parsers"]
    assert (parser["ndjson"]["target"], parser["ndjson"]["overwrite_keys"]) == ("", True)
    (path,) = re.findall(r"%\{\[([\w.]+)\]\}", target["index"])
    assert len({field(document, path) for document in documents.values()}) == len(documents)
    template = json.loads((FOLDER / "elastic/ecs-template.json").read_text(encoding="utf-8"))
    assert not any(target["index"].startswith(one.rstrip("*")) for one in template["index_patterns"])
    pipeline = json.loads((FOLDER / "elastic/ecs-pipeline.json").read_text(encoding="utf-8"))
    (copied,) = [one["set"]["copy_from"] for one in pipeline["processors"] if one["set"]["field"] == "_id"]
    assert target["pipeline"] == "sensor-ecs"
    assert all(field(document, copied) for document in documents.values())


def test_logstash_writes_the_same_indices(documents: dict[str, dict[str, Any]]) -> None:
    """Sections are complete, and the fields exist in all rows."""
    text = logstash()
    assert re.findall(r"^(\w+) \{", text, re.MULTILINE) == ["input", "filter", "output"]
    assert re.sub(r"%\{.*?\}|\$\{.*?\}", "", text).count("{") == re.sub(r"%\{.*?\}|\$\{.*?\}", "", text).count("}")
    options = dict(re.findall(r'(\w+) => "(.*)"', text))
    assert (
        options["index"].replace("[event][dataset]", "[event.dataset]") == filebeat()["output.elasticsearch"]["index"]
    )
    for reference in re.findall(r"%\{((?:\[\w+\])+)\}", text):
        path = ".".join(re.findall(r"\w+", reference))
        assert len({field(document, path) for document in documents.values()}) == len(documents)


def test_the_template_has_a_type_for_each_field(documents: dict[str, dict[str, Any]]) -> None:
    """The template is the one generated from the schema, and matches the indices that are written."""
    read = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    assert read == template()
    (pattern,) = read["index_patterns"]
    index = filebeat()["output.elasticsearch"]["index"].replace("%{[event.dataset]}", "sensor.conn")
    assert index.startswith(pattern.rstrip("*"))
    for document in documents.values():
        assert not untyped(document, read["template"]["mappings"]["properties"])


def untyped(document: dict[str, Any], properties: dict[str, Any]) -> list[str]:
    """Fields without a type."""
    found = []
    for name, value in document.items():
        kind = properties.get(name, {})
        if isinstance(value, dict):
            found += [f"{name}.{one}" for one in untyped(value, kind.get("properties", {}))]
        elif "type" not in kind:
            found.append(name)
    return found


if __name__ == "__main__":
    TEMPLATE.write_text(json.dumps(template(), indent=1) + "\n", encoding="utf-8")
