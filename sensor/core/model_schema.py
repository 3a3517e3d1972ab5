"""Models of pydantic for our models (``core/model``): validation that reports all faults, and JSON Schema.

Imported only when a document is validated or described.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, TypeAdapter, ValidationInfo, create_model
from pydantic import Field as PydanticField
from pydantic_core import CoreSchema, core_schema
from pydantic_core.core_schema import SerializationInfo, ValidatorFunctionWrapHandler

from sensor.core.model import Check, Model

# Factories of constant defaults, which JSON Schema states, also with arguments (``functools.partial``).
COLLECTIONS = (list, dict, set)
# By ``Check.first`` and ``Check.informed``.
ADDERS: dict[tuple[bool, bool], Callable[..., CoreSchema]] = {
    (False, False): core_schema.no_info_after_validator_function,
    (False, True): core_schema.with_info_after_validator_function,
    (True, False): core_schema.no_info_before_validator_function,
    (True, True): core_schema.with_info_before_validator_function,
}


class Strict(BaseModel):
    """Base of all models: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


@functools.cache
def pydantic_model(model: type[Model]) -> type[BaseModel]:
    """The pydantic model with the same name, documentation, fields and base classes. It returns its own instances; a
    model as a type in pydantic returns those of the model (``core_schema_of``).
    """
    base = model.__bases__[0]
    above = pydantic_model(base) if base is not Model else Strict
    fields: dict[str, Any] = {
        field.name: (_type(field.type, model.__limits__[field.name]), _default(field))
        for field in msgspec.structs.fields(model)
    }
    return create_model(model.__name__, __base__=above, __module__=model.__module__, __doc__=model.__doc__, **fields)


def _type(kind: Any, limits: Mapping[str, Any]) -> Any:
    """The type of a field with its limits, which are tested before its checks."""
    inner, *checks = get_args(kind) if get_origin(kind) is Annotated else [kind]
    return Annotated[inner, PydanticField(**limits), *checks]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    """Default and alias of a field."""
    more: dict[str, Any] = {"alias": field.encode_name} if field.encode_name != field.name else {}
    if field.required:
        return PydanticField(..., **more)
    if field.default is not msgspec.NODEFAULT:
        return PydanticField(field.default, **more)
    if getattr(field.default_factory, "func", field.default_factory) in COLLECTIONS:
        return PydanticField(field.default_factory(), **more)
    return PydanticField(default_factory=field.default_factory, **more)


@functools.cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def validated(model: Any, value: Any, context: object = None) -> Any:
    """A value as an instance of a model. Raises pydantic's ValidationError with all faults."""
    return _adapter(model).validate_python(value, context=context)


def core_schema_of(model: type[Model], handler: GetCoreSchemaHandler) -> CoreSchema:
    """The schema that validates keys with values as ``pydantic_model`` does, and returns an instance of the model."""

    def made(value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo[Any]) -> Any:
        if isinstance(value, model):
            return value
        valid = validate(value)
        whole = model(**{name: getattr(valid, name) for name in valid.model_fields_set})
        whole.check_whole(info.context)
        return whole

    def plain(value: Model, info: SerializationInfo) -> Any:
        return value.model_dump(mode="json" if info.mode == "json" else "python", by_alias=bool(info.by_alias))

    return core_schema.with_info_wrap_validator_function(
        made,
        handler.generate_schema(pydantic_model(model)),
        serialization=core_schema.plain_serializer_function_ser_schema(plain, info_arg=True),
    )


def limited(limits: Mapping[str, Any], source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """The schema of a part of a type with its limits."""
    return handler.generate_schema(Annotated[source, PydanticField(**limits)])


def checked(check: Check, schema: CoreSchema) -> CoreSchema:
    """The schema of a field with one more check."""
    return ADDERS[check.first, check.informed](check.function, schema)
