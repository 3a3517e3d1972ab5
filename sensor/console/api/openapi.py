"""The OpenAPI 3.1 description of the API, generated from its response types and filters."""

from __future__ import annotations

import functools
import typing
from typing import Any

import msgspec

import sensor
from sensor.console.api.export import FORMATS
from sensor.console.api.replies import LONGEST
from sensor.console.api.resources import RESOURCES, Resource
from sensor.console.api.types import Problem
from sensor.console.api.writing import WRITES, Write
from sensor.console.filters import TIMES
from sensor.core.moments import EXPECTED

BASE = "/api/v1"
REF = "#/components/schemas/{name}"
Schema = dict[str, Any]
DATA = {
    "name": "data", "in": "query", "description": "dataset; default: as for commands", "schema": {"type": "string"},
    "allowEmptyValue": True,
}  # fmt: skip
# Effect of each filter parameter.
MEANINGS = {
    "text": "full-text search: text, an address or an id",
    "state": "state: `open`, `acknowledged` or `closed` (alerts), `open` or `closed` (incidents, "
    "recommendations), `present` or `gone` (devices), "
    "`new`, `open`, `changed` or `done` (tickets)",
    "severity": "at least this severity: `info`, `low`, `medium`, `high` or `critical`; `=high`: exactly this one",
    "detector": "names of detectors; * and ? are wildcards",
    "verdict": (
        "of alerts `true_positive`, `benign`, `false_positive` or `none`; of findings `affected`, "
        "`unknown` or `not_affected`"
    ),
    "assignee": "names of assignees; `nobody`: without one",
    "site": "names of sites",
    "vlan": "number of the VLAN",
    "source": "actor: an address, a network, a MAC, the id of a device or a name",
    "target": "target, in the same form",
    "device": "actor or target, in the same form; of recommendations and conversations the id of a device",
    "type": "types of devices; `unknown`: not identified",
    "vendor": "part of the vendor's name; of devices `=NAME`: the complete name, `=unknown`: without one",
    "criticality": "criticalities; `none`: without one",
    "owner": "part of the owner's name; of tickets the complete name",
    "tag": "tags, all of them",
    "address": "an address or a network such as 10.20.30.0/24",
    "mac": "a MAC address",
    "setting": "settings of recommendations",
    "cve": "a CVE id",
    "exploited": "`yes`: known to be exploited, `no`: not known to be",
    "kind": "kinds of records: `device`, `alert`, `incident`, `recommendation`, `sensor`",
    "about": "id of an alert, incident or recommendation, or of a device: with its alerts and recommendations",
    "by": "groups: of the map `type`, `segment` or `vendor`, of the traffic `pair`, `host` or `service`",
    "opened": "a group of the map, whose devices are shown individually",
    "paths": "`yes`: with the steps of attack paths",
    "host": "client or server: an address, a network, a MAC, the id of a device or a name",
    "service": "services such as `smb/445` of conversations; of the traffic one as its rows name it, such as `tls`",
    "direction": "directions of conversations: `internal`, `outbound` or `inbound`",
    "since": f"seen at or after: {EXPECTED}",
    "until": f"seen before: {EXPECTED}",
}
ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "an id, or the beginning of one",
    "schema": {"type": "string"},
}


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "a key of this request, such as a UUID: a repetition within a day receives the same response, "
        "and writes nothing"
    ),
    "schema": {"type": "string", "maxLength": LONGEST},
}

IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "the ETag of the object, as last read: if it has changed since, nothing is written (status 412)",
    "schema": {"type": "string"},
}


@functools.cache
def openapi() -> Schema:
    """The complete description."""
    written = [kind for one in WRITES for kind in (one.body, one.result)]
    kinds = [*(resource.result for resource in RESOURCES if not resource.files), *written, Problem]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    by_kind = dict(zip(map(str, kinds), schemas, strict=True))
    paths: Schema = {
        BASE + resource.path: {"get": _get(resource, by_kind.get(str(resource.result), {}))} for resource in RESOURCES
    }
    for one in WRITES:
        paths.setdefault(BASE + one.path, {})["post"] = _post(one, by_kind)
    paths[f"{BASE}/events"] = {"get": _events()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sensor",
            "version": sensor.__version__,
            "description": "HTTP API of the passive network sensor.",
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _get(resource: Resource, schema: Schema) -> Schema:
    content: Schema = {kind: {"schema": schema} for kind in resource.files or ("application/json",)}
    if resource.listed:
        content |= {
            kind.partition(";")[0]: {"schema": {"type": "string"}} for name, kind in FORMATS.items() if name != "json"
        }
    answers = {
        "200": {"description": "found", "content": content},
        "304": {"description": "not modified since the ETag of If-None-Match"},
    }
    return {
        "summary": resource.summary,
        "operationId": _name(resource),
        "parameters": parameters(resource),
        "responses": answers | _problems(),
    }


def _name(resource: Resource) -> str:
    return "get_" + resource.path.strip("/").replace("/{id}", "_by_id").replace("/", "_").replace("-", "_")


def parameters(resource: Resource) -> list[Schema]:
    """Parameters of a resource: its filter, paging, the dataset. An empty one has the effect of none."""
    found: list[Schema] = [DATA, *([ID] if "{id}" in resource.path else [])]
    found += [
        {"name": name, "in": "query", "required": True, "description": "search term", "schema": {"type": "string"}}
        for name in resource.more
    ]
    if resource.filter is not None:
        found += [_parameter(name, kind) for name, kind in typing.get_type_hints(resource.filter).items()]
    if resource.sorts:
        found.append(_query("sort", "order of the rows", type="string", enum=list(resource.sorts)))
    if resource.top:
        found.append(_query("limit", "number of rows", type="integer", minimum=1, maximum=1000))
    if resource.listed:
        found += [
            _query("order", "direction", type="string", enum=["asc", "desc"]),
            _query("limit", "rows per page", type="integer", minimum=1, maximum=1000),
            _query("cursor", "cursor of the previous page, with the same filter and sort", type="string"),
            _query("format", "all pages as a file", type="string", enum=list(FORMATS)),
        ]
    return [one if one.get("required") else one | {"allowEmptyValue": True} for one in found]


def _query(name: str, description: str, **schema: Any) -> Schema:
    """An optional query parameter."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _parameter(name: str, kind: Any) -> Schema:
    if name in TIMES:
        return {"name": name, "in": "query", "description": MEANINGS[name], "schema": {"type": "string"}}
    if typing.get_origin(kind) is tuple:
        item = {"type": "integer" if typing.get_args(kind)[0] is int else "string"}
        return {
            "name": name,
            "in": "query",
            "description": f"{MEANINGS[name]}; may be repeated",
            "schema": {"type": "array", "items": item},
        }
    schema: Schema = (
        {"type": "string", "enum": ["yes", "no"]}
        if kind == bool | None
        else {"type": "string" if kind is str else "integer"}
    )
    return {"name": name, "in": "query", "description": MEANINGS[name], "schema": schema}


def _post(one: Write, by_kind: dict[str, Schema]) -> Schema:
    body = {"required": True, "content": {"application/json": {"schema": by_kind[str(one.body)]}}}
    read = {"application/json": {"schema": by_kind[str(one.result)]}}
    parameters = [DATA, *([ID] if "{id}" in one.path else []), IDEMPOTENCY_KEY, IF_MATCH]
    return {
        "summary": one.summary, "operationId": one.operation, "parameters": parameters,
        "requestBody": body, "responses": {"200": {"description": "written", "content": read}} | _problems(),
    }  # fmt: skip


def _events() -> Schema:
    more = [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "number of the last received record",
            "schema": {"type": "integer"},
        },
        {"name": "after", "in": "query", "description": "the same, as a parameter", "schema": {"type": "integer"}},
        {
            "name": "kind",
            "in": "query",
            "description": "only these kinds of records",
            "schema": {"type": "array", "items": {"type": "string"}},
        },
    ]
    stream = {
        "200": {
            "description": "server-sent events: id is sensor.seq, data the record",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    }
    return {
        "summary": "Records of the event log as they are written",
        "operationId": "events",
        "parameters": [DATA, *more],
        "responses": stream | _problems(),
    }


def _problems() -> Schema:
    content = {"application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}}
    return {"default": {"description": "problem details (RFC 9457)", "content": content}}
