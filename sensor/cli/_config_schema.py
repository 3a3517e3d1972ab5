"""``sensor config schema``: the models of the configuration, all detectors and all types of outputs as one JSON Schema
with descriptions.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from sensor.cli._config_keys import described, description_of, key_of
from sensor.config_schema import model
from sensor.core.model_schema import pydantic_model
from sensor.delivery.catalogue import formats_of, output_class, types
from sensor.delivery.section import NAME
from sensor.outputs.transport.secrets import WAYS, Secret

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_SECRET = {
    "type": "string",
    "pattern": "^(env|file|credential):.+",
    "description": f"a reference to a secret: {', '.join(WAYS)}",
}


class _Schema(GenerateJsonSchema):
    """Adds descriptions of keys and the type of secrets. Text that needs a validation function is described as plain
    text.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made, unit = super().model_schema(schema), schema["cls"]
        description = {key_of(unit, name): text for name, text in described(unit).items()}
        for key, about in made.get("properties", {}).items():
            about.pop("title", None)
            if description.get(key) and "description" not in about:
                about["description"] = description[key]
        made.pop("title", None)
        return {**made, "description": description_of(unit)}

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        return dict(_SECRET) if schema["function"]["function"] is Secret else super().function_after_schema(schema)

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        return {"type": "string"}


def schema() -> dict[str, Any]:
    """The schema of the whole configuration, draft 2020-12."""
    units = {kind: output_class(kind) for kind in types()}
    options_of = {kind: pydantic_model(unit.Options) for kind, unit in units.items()}
    wanted: list[type[BaseModel]] = [model(), *options_of.values()]
    refs, made = models_json_schema([(one, "validation") for one in wanted], schema_generator=_Schema)
    defs: dict[str, Any] = made["$defs"]
    root = defs.pop(_name(refs[wanted[0], "validation"]))
    branches = []
    for kind, unit in units.items():
        name = _name(refs[options_of[kind], "validation"])
        options = defs[name]
        options["description"] = description_of(options_of[kind])
        options["properties"]["format"]["enum"] = ["", *formats_of(unit)]
        options["properties"] = {"type": {"const": kind, "description": unit.title}, **options["properties"]}
        options["required"] = ["type", *options.get("required", ())]
        branches.append(
            {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": {"$ref": f"#/$defs/{name}"}}
        )
    defs["Output"] = {
        "type": "object",
        "description": "a destination of events",
        "required": ["type"],
        "properties": {"type": {"enum": list(units), "description": "type of the output"}},
        "allOf": branches,
    }
    root["properties"]["outputs"] |= {
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {"$ref": "#/$defs/Output"},
    }
    return {"$schema": DRAFT, "title": "Configuration of the sensor", **root, "$defs": dict(sorted(defs.items()))}


def _name(ref: JsonSchemaValue) -> str:
    return str(ref["$ref"]).removeprefix("#/$defs/")
