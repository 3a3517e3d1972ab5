"""Content for receivers: generated files match the program, and every file is tested as far as possible without its
product.

``python -m tests.outputs.test_integrations`` rewrites the generated files: review the difference before it is
committed.
"""

from __future__ import annotations

import configparser
import copy
import importlib
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from sensor.eventlog.segments import segment_path
from sensor.outputs._elastic_template import mappings
from sensor.outputs._postgresql_table import table_of
from sensor.outputs._sentinel_columns import COLUMNS, STREAM, TABLE
from sensor.outputs.formats import ecs
from sensor.outputs.postgresql import Options as PostgresqlOptions
from sensor.outputs.postgresql import Postgresql
from sensor.outputs.relp import Options as RelpOptions
from sensor.outputs.relp import Relp
from sensor.outputs.syslog import Options as SyslogOptions
from sensor.outputs.syslog import Syslog
from tests.core.test_record import EVERY, maker, numbered
from tests.outputs import servers_postgresql
from tests.outputs.batches import entries, entry
from tests.outputs.samples import RECORDS
from tests.outputs.servers_base import Server, free_port
from tests.waiting import until

FOLDER = Path(__file__).parents[2] / "integrations"
RECORDS_OF_ALL = [*RECORDS.values(), *(numbered(make(maker())) for make in EVERY.values())]
DATES = ("@timestamp", "event.created", "event.start", "event.end", "event.ingested")
NUMBERS = {int: "long", float: "double", bool: "boolean"}
# Objects with arbitrary keys: stored, not indexed.
FREE = (
    "numbers",
    "facts",
    "risk_terms",
    "evidence",
    "changes",
    "attributes",
    "confidences",
    "story",
    "anomalies",
    "linktypes",
    "contested",
    "evicted",
)
SENTENCES = ("message", "advice", "false_positives", "why", "reason", "damages", "faults")
PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
"""Azure's own number of the role Monitoring Metrics Publisher."""


# Generated files.


def ecs_properties() -> dict[str, Any]:
    """A type for every field of the sensor's ECS documents."""
    made: dict[str, Any] = {}
    for record in RECORDS_OF_ALL:
        _type(made, "", ecs.body(record))
    _type(made, "", {"event": {"ingested": ""}})
    return made


def _type(properties: dict[str, Any], above: str, body: dict[str, Any]) -> None:
    for key, value in sorted(body.items()):
        path = f"{above}.{key}".lstrip(".")
        one = next(iter(value), "") if isinstance(value, list) else value
        if key in FREE:
            properties[key] = {"type": "object", "enabled": False}
        elif isinstance(one, dict):
            below = properties.setdefault(key, {"properties": {}})["properties"]
            for each in value if isinstance(value, list) else [value]:
                _type(below, path, each)
        elif path in DATES:
            properties[key] = {"type": "date"}
        elif key == "ip":
            properties[key] = {"type": "ip"}
        elif type(one) in NUMBERS:
            kind = "double" if key in ("confidence", "risk_score", "duration_s") else NUMBERS[type(one)]
            properties[key] = {"type": kind}
        else:
            properties[key] = {"type": "text"} if key in SENTENCES else {"type": "keyword", "ignore_above": 1024}


def elastic_template(kind: str, priority: int) -> dict[str, Any]:
    reported = mappings()
    if kind == "ecs":
        reported["properties"] = ecs_properties()
    mapping = {"ignore_malformed": True, "total_fields": {"limit": 2000}}
    settings = {"index": {"mapping": mapping, "refresh_interval": "5s", "default_pipeline": f"sensor-{kind}"}}
    pattern = "sensor-*" if kind == "ecs" else f"sensor-{kind}-*"
    meta = {"description": f"Events of the passive network sensor, format {kind}"}
    return {
        "index_patterns": [pattern],
        "priority": priority,
        "version": 2,
        "template": {"settings": settings, "mappings": reported},
        "_meta": meta,
    }


def sentinel_columns() -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in COLUMNS]


def sentinel_table() -> dict[str, Any]:
    return {
        "properties": {
            "plan": "Analytics",
            "retentionInDays": 90,
            "schema": {"name": TABLE, "columns": sentinel_columns()},
        }
    }


def sentinel_rule() -> dict[str, Any]:
    """An ARM template: the rule, and the permission of an application to send to it."""
    rule = {
        "type": "Microsoft.Insights/dataCollectionRules",
        "apiVersion": "2023-03-11",
        "name": "[parameters('name')]",
        "location": "[parameters('location')]",
        # With its own endpoints.
        "kind": "Direct",
        "properties": {
            "streamDeclarations": {STREAM: {"columns": sentinel_columns()}},
            "destinations": {
                "logAnalytics": [{"name": "workspace", "workspaceResourceId": "[parameters('workspace')]"}]
            },
            "dataFlows": [
                {
                    "streams": [STREAM],
                    "destinations": ["workspace"],
                    "transformKql": "source",
                    "outputStream": f"Custom-{TABLE}",
                }
            ],
        },
    }
    where = "resourceId('Microsoft.Insights/dataCollectionRules', parameters('name'))"
    role = {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": f"[guid({where}, parameters('principal'))]",
        "scope": f"[{where}]",
        "dependsOn": [f"[{where}]"],
        "properties": {
            "roleDefinitionId": f"[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{PUBLISHER}')]",
            "principalId": "[parameters('principal')]",
            "principalType": "ServicePrincipal",
        },
    }
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "name": {"type": "string", "defaultValue": "passive-network-sensor"},
            "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
            "workspace": {"type": "string", "metadata": {"description": "Resource id of the Log Analytics workspace"}},
            "principal": {
                "type": "string",
                "metadata": {"description": "Object id of the application's service principal"},
            },
        },
        "resources": [rule, role],
        "outputs": {
            "rule": {"type": "string", "value": f"[reference({where}).immutableId]"},
            "url": {"type": "string", "value": f"[reference({where}).endpoints.logsIngestion]"},
        },
    }


def derived() -> dict[str, str]:
    """Text of each generated file."""
    objects = {
        "elastic/ecs-template.json": elastic_template("ecs", 300),
        "elastic/native-template.json": elastic_template("native", 310),
        "sentinel/table.json": sentinel_table(),
        "sentinel/rule.json": sentinel_rule(),
    }
    head = "-- Table of the output `postgresql`. You may add columns, indexes, and partitions by id.\n"
    return {name: json.dumps(body, indent=1) + "\n" for name, body in objects.items()} | {
        "postgresql/table.sql": head + table_of("sensor_events")
    }


@pytest.mark.parametrize("name", derived())
def test_files_report_what_the_program_reports(name: str) -> None:
    """A field, a column or a type that changed in the program changes in the file."""
    assert (FOLDER / name).read_text(encoding="utf-8") == derived()[name]


def test_every_file_is_reported_of() -> None:
    """Each folder has a section in the README; all JSON files are valid."""
    reported = (FOLDER / "README.md").read_text(encoding="utf-8")
    folders = [folder.name for folder in FOLDER.iterdir() if folder.is_dir()]
    assert folders
    assert [name for name in folders if f"`{name}/`" not in reported] == []
    for path in FOLDER.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))


def test_configurations_are_right() -> None:
    """Each output of the examples has a valid configuration."""
    blocks = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shown = [reported for block in blocks for reported in yaml.safe_load(block)["outputs"].values()]
    assert {reported["type"] for reported in shown} == {"elasticsearch", "file", "postgresql"}
    for reported in shown:
        module = importlib.import_module(f"sensor.outputs.{reported['type']}")
        module.Options.model_validate({key: value for key, value in reported.items() if key != "type"})


# Elastic.


def types_of(properties: dict[str, Any], above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, reported in properties.items():
        path = f"{above}.{key}".lstrip(".")
        found |= types_of(reported["properties"], path) if "properties" in reported else {path: reported["type"]}
    return found


def leaves(body: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(body, dict):
        for key, value in body.items():
            yield from leaves(value, f"{above}.{key}".lstrip("."))
    elif isinstance(body, list):
        for value in body:
            yield from leaves(value, above)
    else:
        yield above, body


def test_the_template_knows_every_field() -> None:
    """Every value of every ECS record has a mapped field, or is in an object that is only stored."""
    types = types_of(
        json.loads((FOLDER / "elastic/ecs-template.json").read_text())["template"]["mappings"]["properties"]
    )
    kept = tuple(f"{path}." for path, kind in types.items() if kind == "object")
    takes = {"keyword": str, "text": str, "ip": str, "date": str, "long": int, "double": int | float, "boolean": bool}
    for record in RECORDS_OF_ALL:
        for path, value in leaves(ecs.body(record)):
            assert path.startswith(kept) or isinstance(value, takes[types[path]]), (path, value)
    assert (types["source.ip"], types["related.ip"], types["@timestamp"], types["event.sequence"]) == (
        "ip",
        "ip",
        "date",
        "long",
    )


def piped(name: str, document: dict[str, Any]) -> dict[str, Any]:
    """The result of a pipeline of set processors for a document."""
    document = copy.deepcopy(document)
    for processor in json.loads((FOLDER / name).read_text())["processors"]:
        reported = processor["set"]
        if not _holds(reported.get("if", ""), document):
            continue
        value = _found(document, reported["copy_from"].split(".")) if "copy_from" in reported else reported["value"]
        assert value is not None, reported
        if isinstance(value, str) and "copy_from" not in reported:
            value = re.sub(r"\{\{\{(\S+?)\}\}\}", lambda place: str(_found(document, place[1].split(".")) or ""), value)
        *above, last = reported["field"].split(".")
        holder = document
        for key in above:
            holder = holder.setdefault(key, {})
        holder[last] = value
    return document


def _holds(condition: str, document: dict[str, Any]) -> bool:
    def one(text: str) -> bool:
        path, sign, wanted = text.removeprefix("ctx.").split()
        found = _found(document, path.split("?."))
        return bool(found == (None if wanted == "null" else wanted.strip("'"))) == (sign == "==")

    return not condition or any(one(text) for text in condition.split(" || "))


def _found(document: Any, path: list[str]) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def test_the_native_pipeline_sends_ecs() -> None:
    """Shared fields are the same in both indices; the record is unchanged, and every kind of record passes."""
    same = [f"event.{name}" for name in ("id", "severity", "action", "sequence", "risk_score", "dataset")]
    same += [f"{end}.{name}" for end in ("source", "destination") for name in ("ip", "port", "domain")]
    same += [f"host.{name}" for name in ("id", "name", "type", "ip")]
    same += ["@timestamp", "message", "rule.id", "rule.name", "observer.name", "network.transport", "network.protocol"]
    for record in RECORDS_OF_ALL:
        made, wanted = piped("elastic/native-pipeline.json", record), ecs.body(record)
        assert made["_id"] == record["id"]
        for path in same:
            assert _found(made, path.split(".")) == _found(wanted, path.split(".")), path
        assert all(made[key] == record[key] for key in record if key != "network")


def test_the_ecs_pipeline_keeps_one_document_a_record() -> None:
    """The record's id becomes the document's id, unless it has one."""
    document = ecs.body(RECORDS["alert_open"])
    assert piped("elastic/ecs-pipeline.json", document)["_id"] == RECORDS["alert_open"]["id"]
    assert piped("elastic/ecs-pipeline.json", document | {"_id": "x"})["_id"] == "x"


def test_templates_do_not_meet() -> None:
    """Both formats use `device` for different things: the template with the narrower pattern has priority."""
    assert elastic_template("native", 310)["priority"] > elastic_template("ecs", 300)["priority"] > 200


# Splunk.


def stanzas(name: str) -> configparser.ConfigParser:
    """A Splunk file: each stanza and each key once, names as they are written."""
    made = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None, strict=True)
    made.optionxform = str  # type: ignore[method-assign,assignment]
    made.read(FOLDER / "splunk" / name, encoding="utf-8")
    return made


def moment(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def native(record: dict[str, Any]) -> str:
    return entry(record).payload.decode()


def test_splunk_finds_the_time_and_the_kind() -> None:
    """Splunk uses the record's own time, no other time in it; the sourcetype is that of the output."""
    props, transform = stanzas("props.conf"), stanzas("transforms.conf")["sensor_kind"]
    for name in props.sections():
        reported = props[name]
        for record in RECORDS.values():
            found = re.search(reported["TIME_PREFIX"], native(record))
            assert found
            text = native(record)[found.end() :].partition('"')[0]
            assert text == record["ts"]
            assert moment(text, reported["TIME_FORMAT"].replace("%6N", "%f")) == moment_of(text)
            assert len(text) <= int(reported["MAX_TIMESTAMP_LOOKAHEAD"])
    for record in RECORDS.values():
        found = re.search(transform["REGEX"], native(record))
        assert found
        assert transform["FORMAT"].replace("$1", found[1]) == f"sourcetype::sensor:{record['kind']}"
        assert f"sensor:{record['kind']}" in props


@pytest.mark.parametrize("kind", ["alert", "incident", "device", "sensor"])
def test_splunk_names_fields_that_are_there(kind: str) -> None:
    """Every renamed field exists in a record."""
    known = set()
    for record in RECORDS_OF_ALL:
        if record["kind"] == kind:
            known |= {path for path, _ in leaves(record)}
    values = [value for key, value in stanzas("props.conf")[f"sensor:{kind}"].items() if key.startswith("EVAL-")]
    fields = {field.replace("{}", "") for value in values for field in re.findall(r"'([^']+)'", value)}
    assert fields
    assert fields <= known


def test_splunk_tags_what_is_there() -> None:
    """Tags, event types, sourcetypes and transforms refer to each other; segments are read at their path."""
    kinds = stanzas("eventtypes.conf")
    assert {name.removeprefix("eventtype=") for name in stanzas("tags.conf").sections()} <= set(kinds.sections())
    for name in kinds.sections():
        assert (re.search(r'sourcetype="([^"]+)"', kinds[name]["search"]) or [""])[1] in stanzas("props.conf")
    assert stanzas("props.conf")["sensor"]["TRANSFORMS-sensor_kind"] in stanzas("transforms.conf")
    (monitor,) = stanzas("inputs.conf").sections()
    assert segment_path(Path("/var/lib/sensor/events.jsonl"), 1).match(monitor.removeprefix("monitor://"))


def test_searches_name_fields_that_are_there() -> None:
    """Each field in the handbook's searches is a record's, defined in ``props.conf``, or defined by the search."""
    reported = (FOLDER / "README.md").read_text(encoding="utf-8")
    searches = [
        line for line in reported.splitlines() if line.startswith("sourcetype=") or line.startswith("sourcetype=", 1)
    ]
    assert len(searches) >= 2
    for search in searches:
        (kind,) = set(re.findall(r"sourcetype=\"sensor:(\w+)\"", search)) or {"alert"}
        known = {path for record in RECORDS_OF_ALL if record["kind"] == kind for path, _ in leaves(record)} | {"_time"}
        known |= {key.removeprefix("EVAL-") for key in stanzas("props.conf")[f"sensor:{kind}"]}
        plain = re.sub(r'sourcetype="[^"]*"|\b(dc|stats|dedup|table|sortby|BY|AS \w+)\b', " ", search)
        assert {word.replace("{}", "") for word in re.findall(r"[a-z_]\w*(?:\.\w+)*(?:\{\})?", plain)} - known <= {
            "open",
            "alerts",
        }, search


# Sentinel.


def test_queries_name_columns_that_are_there() -> None:
    """Every capitalized word of a query is a column, or defined in the query itself."""
    text = (FOLDER / "sentinel/queries.kql").read_text(encoding="utf-8")
    columns = {name for name, _ in COLUMNS} | {TABLE}
    queries = [query for query in re.split(r"\n\s*\n", text) if TABLE in re.sub("//.*", "", query)]
    assert len(queries) >= 6
    for query in queries:
        plain = re.sub(r'//.*|"[^"]*"', "", query)
        own = set(re.findall(r"\b([A-Z]\w+) =(?!=)", plain))
        assert set(re.findall(r"\b[A-Z]\w+", plain)) <= columns | own, query
        assert plain.count("(") == plain.count(")")


# rsyslog.


class Receiver(Server):
    """rsyslogd with the shipped configuration, on its own ports and folder."""

    def __init__(self) -> None:
        super().__init__()
        self.relp, self.udp = free_port(), free_port()
        reported = (FOLDER / "rsyslog/receive.conf").read_text(encoding="utf-8")
        for given, own in (
            ("2514", self.relp),
            ("6514", self.port),
            ("5514", self.udp),
            ("/var/log/sensor", self.folder),
        ):
            reported = reported.replace(f'"{given}', f'"{own}')
        (self.folder / "rsyslog.conf").write_text(reported)

    def command(self) -> list[str]:
        return ["rsyslogd", "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.mark.skipif(shutil.which("rsyslogd") is None, reason="rsyslogd is not installed")
def test_rsyslog_receives() -> None:
    """rsyslog receives RELP, TCP and UDP: alerts as text, all records unchanged, long ones whole."""
    assert (
        subprocess.run(
            ["rsyslogd", "-N1", "-f", FOLDER / "rsyslog/receive.conf"], capture_output=True, check=False
        ).returncode
        == 0
    )
    batch = entries(6, format="syslog_5424")
    long = copy.deepcopy(RECORDS["alert_open"])
    long["msg"] = "x" * 40_000
    with Receiver() as server:
        for made in (
            Relp("relp", RelpOptions(host="127.0.0.1", port=server.relp, format="syslog_5424")),
            Syslog("tcp", SyslogOptions(host="127.0.0.1", port=server.port, format="syslog_5424")),
            Syslog("udp", SyslogOptions(host="127.0.0.1", port=server.udp, transport="udp", format="syslog_5424")),
        ):
            made.open()
            made.send(batch)
            made.close()
        whole = Relp("native", RelpOptions(host="127.0.0.1", port=server.relp, format="native"))
        whole.open()
        whole.send([entry(long)])
        whole.close()
        until(lambda: len(lines(server.folder / "events.log")) == 19)
        alerts = lines(server.folder / "alerts.log")
        assert len(alerts) == 3 * 3 + 1
        first = RECORDS["alert_open"]
        assert alerts[0] == (
            f"2026-11-24T09:14:07.318442Z hq-3f-01 alert.open err id={batch[0].id} src=10.20.30.41 "
            f"dst=10.20.1.5 {first['msg']}"
        )
        raw = lines(server.folder / "events.log")
        assert raw[0] == batch[0].payload.decode()
        assert (
            json.loads(next(line for line in raw if len(line) > 40_000).partition(" - ")[2].partition(" - ")[2]) == long
        )


# Vector and Fluent Bit.


def test_vector_reads_segments() -> None:
    """Valid TOML whose inputs exist, file names of the log, and a sufficient line length."""
    reported = tomllib.loads((FOLDER / "vector/vector.toml").read_text(encoding="utf-8"))
    source = reported["sources"]["sensor"]
    assert segment_path(Path("/var/lib/sensor/events.jsonl"), 1).match(source["include"][0])
    assert source["max_line_bytes"] > 64 * 1024
    parts = {"sensor", *reported["transforms"]}
    for part in [*reported["transforms"].values(), *reported["sinks"].values()]:
        assert set(part["inputs"]) <= parts
    form = re.search(r'parse_timestamp!\(string!\(\.ts\), "(.*)"\)', reported["transforms"]["events"]["source"])
    assert form
    assert moment(RECORDS["alert_open"]["ts"], form[1].replace("%.f", ".%f")) == moment_of(RECORDS["alert_open"]["ts"])


def test_fluent_bit_reads_segments() -> None:
    """YAML with the parser that its input names, file names of the log, and a sufficient line length."""
    reported = yaml.safe_load((FOLDER / "fluent-bit/fluent-bit.yaml").read_text(encoding="utf-8"))
    (source,), (parser,) = reported["pipeline"]["inputs"], reported["parsers"]
    assert segment_path(Path("/var/lib/sensor/events.jsonl"), 1).match(source["path"])
    assert source["parser"] == parser["name"]
    assert int(source["buffer_max_size"].removesuffix("k")) > 64
    assert moment(RECORDS["alert_open"]["ts"], parser["time_format"].replace("%S.%L", "%S.%f")) == moment_of(
        RECORDS["alert_open"]["ts"]
    )
    assert reported["pipeline"]["outputs"][0]["match"] == source["tag"]


def test_readers_of_the_log_name_keys_that_every_record_has() -> None:
    """All records have time, kind, and the id that repeats are dropped by."""
    reported = tomllib.loads((FOLDER / "vector/vector.toml").read_text(encoding="utf-8"))["transforms"]
    made = set(re.findall(r"^\.(\w+) =", reported["events"]["source"], re.MULTILINE))
    text = (FOLDER / "vector/vector.toml").read_text(encoding="utf-8")
    named = (
        {*re.findall(r"[ (']\.(\w+)\b", reported["events"]["source"] + text), *reported["once"]["fields"]["match"]}
        - made
        - {"message"}
    )
    (parser,) = yaml.safe_load((FOLDER / "fluent-bit/fluent-bit.yaml").read_text(encoding="utf-8"))["parsers"]
    assert named >= {"ts", "kind", "id"}
    for record in RECORDS_OF_ALL:
        assert named | {parser["time_key"]} <= record.keys()
        assert not made & record.keys()


# Grafana.


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection[Any]]:
    """A table as shipped, filled by the output with every sample."""
    if servers_postgresql.MISSING:
        pytest.skip(servers_postgresql.MISSING)
    with servers_postgresql.PostgresqlServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PG_SECRET", servers_postgresql.PASSWORD)
        place: dict[str, Any] = {"host": "127.0.0.1", "port": server.port}
        with psycopg.connect(
            **place, user="sensor", password=servers_postgresql.PASSWORD, dbname="postgres", autocommit=True
        ) as made:
            made.execute((FOLDER / "postgresql/table.sql").read_bytes())
            options = PostgresqlOptions.model_validate({**place, "database": "postgres", "password": "env:PG_SECRET"})
            out = Postgresql("grafana", options)
            out.open()
            out.send([entry(record) for record in RECORDS.values()])
            out.close()
            yield made


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "grafana/dashboard.json").read_text(encoding="utf-8"))
    return found


def plain(sql: str) -> bytes:
    """A query as Grafana sends it, for the day of the samples."""
    sql = sql.replace("${table:raw}", "sensor_events").replace("${sensor:sqlstring}", "'hq-3f-01'")
    sql = sql.replace("$__timeFilter(ts)", "ts BETWEEN '2026-11-24T00:00:00Z' AND '2026-11-25T00:00:00Z'")
    sql = sql.replace("$__timeGroupAlias(ts, $__interval)", 'floor(extract(epoch from ts)/300)*300 AS "time"')
    assert "$" not in sql
    return sql.encode()


@pytest.mark.parametrize("panel", board()["panels"], ids=lambda panel: panel["title"])
def test_panels_have_something_to_show(panel: dict[str, Any], database: psycopg.Connection[Any]) -> None:
    """Each query runs on the shipped table, and finds the samples."""
    (target,) = panel["targets"]
    found = database.execute(plain(target["rawSql"]))
    rows = found.fetchall()
    assert rows
    assert all(any(value is not None for value in row) for row in rows)
    if target["format"] == "time_series":
        assert [column.name for column in found.description or ()][:2] == ["time", "metric"]
    if panel["type"] == "stat":
        wanted = {"Open alerts": 1, "High and critical": 1, "Incidents": 1, "Devices seen": 2, "New devices": 1}
        assert rows[0][0] == wanted.get(panel["title"], rows[0][0])


def test_the_sensors_can_be_chosen(database: psycopg.Connection[Any]) -> None:
    """The variable's query returns the sensors."""
    (choice,) = [one for one in board()["templating"]["list"] if one["name"] == "sensor"]
    assert database.execute(plain(choice["query"])).fetchall() == [("hq-3f-01",)]


def test_the_dashboard_is_whole() -> None:
    """All panels use the selected data source, none overlaps another, and each variable is defined."""
    reported = board()
    taken: set[tuple[int, int]] = set()
    for panel in reported["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        assert panel["datasource"]["uid"] == panel["targets"][0]["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in reported["panels"]}) == len(reported["panels"])
    known = {one["name"] for one in reported["templating"]["list"]}
    assert set(re.findall(r"\$\{(\w+)", json.dumps(reported["panels"]))) <= known


if __name__ == "__main__":
    for each, content in derived().items():
        (FOLDER / each).write_text(content, encoding="utf-8")
