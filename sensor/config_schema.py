"""The pydantic model of a whole configuration, for validation, JSON Schema and the reference."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidatorFunctionWrapHandler, WrapValidator, create_model

from sensor.config_model import Chosen, Config, detector_units
from sensor.core.model_schema import Strict, pydantic_model


@functools.cache
def model() -> type[BaseModel]:
    """The model, including the options of every detector."""
    section = _detectors_section()
    detectors: Any = (Annotated[section, AfterValidator(_by_id)], Field(default_factory=section))
    return create_model("Config", __base__=pydantic_model(Config), detectors=detectors)


@functools.cache
def _detectors_section() -> type[BaseModel]:
    """A section with one key per detector: its options. Names of pydantic's fields cannot contain dots, so the id is
    the alias.
    """
    fields: dict[str, Any] = {
        name.replace(".", "__"): (
            Annotated[unit.Options, WrapValidator(_chosen)],
            Field(default_factory=unit.Options, alias=name),
        )
        for name, unit in detector_units().items()
    }
    return create_model("Detectors", __base__=Strict, **fields)


def _chosen(value: Any, validate: ValidatorFunctionWrapHandler) -> Chosen:
    return Chosen(validate(value), tuple(value))


def _by_id(section: BaseModel) -> dict[str, Chosen]:
    fields = type(section).model_fields
    return {str(fields[name].alias): getattr(section, name) for name in section.model_fields_set}
