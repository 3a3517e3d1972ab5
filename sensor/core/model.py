"""Models of what users write: options of detectors and outputs, sections of the configuration, entries of documents.

A model is a frozen struct of msgspec in pydantic's notation: ``flows: int = Field(3000, ge=10)``. Its constructor
validates nothing, because values in the code are valid. Documents are validated by pydantic, which reports all faults
at once; ``model_schema`` translates a model when the first document needs it, so that a start with the defaults neither
imports pydantic nor builds its validators. Methods have pydantic's names: rules, hunts and MUD profiles are models of
pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, dataclass_transform

import msgspec
from msgspec import NODEFAULT

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

# Of each struct: msgspec does not inherit all of it.
CONFIG = {"frozen": True, "kw_only": True, "forbid_unknown_fields": True}


class FieldSettings(NamedTuple):
    """What ``Field`` states about a field. ``limits``: its constraints and its description, by pydantic's names."""

    default: Any
    factory: Any
    alias: str | None
    limits: tuple[tuple[str, Any], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from sensor.core.model_schema import limited

        return limited(dict(self.limits), source, handler)


def Field(  # noqa: N802 - pydantic's name
    default: Any = NODEFAULT, *, default_factory: Any = NODEFAULT, alias: str | None = None, **limits: Any
) -> Any:
    """The default of a field, its name in documents and its limits, or the limits of a part of its type:
    ``list[Annotated[str, Field(min_length=1)]]``.

    ``limits``: ``gt``, ``ge``, ``lt``, ``le``, ``min_length``, ``max_length``, ``pattern`` and ``description``.
    """
    return FieldSettings(default, default_factory, alias, tuple(limits.items()))


class Check(NamedTuple):
    """A check of a field, in its type: ``Annotated[str, Check(function)]``. ``function`` returns the valid value or
    raises ValueError. ``first``: it is called before the type is checked; ``informed``: it also gets pydantic's
    ValidationInfo, with the context of the document.
    """

    function: Callable[..., Any]
    first: bool = False
    informed: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from sensor.core.model_schema import checked

        return checked(self, handler(source))


class _ModelMeta(msgspec.StructMeta):
    """Takes what ``Field`` states out of the class body: the limits are kept in ``__limits__``, by field."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **config: Any) -> Any:
        limits = {key: one for base in reversed(bases) for key, one in getattr(base, "__limits__", {}).items()}
        for key in body.get("__annotations__", ()):
            given = body.get(key)
            limits[key] = dict(given.limits) if isinstance(given, FieldSettings) else {}
            if isinstance(given, FieldSettings):
                default: dict[str, Any] = {"default": given.default, "default_factory": given.factory}
                body[key] = msgspec.field(**default, name=given.alias)
        body["__limits__"] = limits
        return super().__new__(cls, name, bases, body, **CONFIG | config)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Model(msgspec.Struct, metaclass=_ModelMeta, frozen=True):
    """Base of all models: unknown keys are errors."""

    __limits__: ClassVar[Mapping[str, Mapping[str, Any]]]

    def check_whole(self, context: Any) -> None:
        """Compares the fields of a validated model with each other, and with the context of its document. Raises
        ValueError.
        """

    @classmethod
    def model_validate(cls, value: Any, context: object = None) -> Self:
        """Keys with values as an instance. Raises pydantic's ValidationError with all faults."""
        from sensor.core.model_schema import validated

        made: Self = validated(cls, value, context)
        return made

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """A copy with other values, which are not validated."""
        return msgspec.structs.replace(self, **update)

    def model_dump(
        self, *, mode: Literal["python", "json"] = "python", exclude: Collection[str] = (), by_alias: bool = False
    ) -> dict[str, Any]:
        """The values by field, nested models too; in the mode ``json`` as plain values."""
        names = self.__struct_encode_fields__ if by_alias else self.__struct_fields__
        return {
            name: _plain(getattr(self, field)) if mode == "json" else _dumped(getattr(self, field))
            for field, name in zip(self.__struct_fields__, names, strict=True)
            if field not in exclude
        }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from sensor.core.model_schema import core_schema_of

        return core_schema_of(cls, handler)


def _dumped(value: Any) -> Any:
    return value.model_dump() if isinstance(value, Model) else value


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=_as_text)


def _as_text(value: Any) -> Any:
    """A path or a secret as text, a model of pydantic as keys with values."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
