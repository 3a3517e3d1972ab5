"""Secrets of outputs: references, never values. They are read when a connection is opened, so that a new password needs
no restart.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.core.retry import Retry
from sensor.core.secrecy import hide

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

WAYS = ("env:NAME", "file:/path", "credential:NAME")
SIZE_LIMIT = 64 * 1024


class Secret:
    """``env:NAME``, ``file:/path`` or ``credential:NAME`` (systemd.exec(5), LoadCredential=). Its text form is the
    reference.

    Plain-text secrets are rejected: configurations are copied around.
    """

    __slots__ = ("_place", "_way")

    def __init__(self, text: str) -> None:
        """Raises ValueError if the text is not a reference."""
        self._way, _, self._place = text.partition(":")
        if self._way not in ("env", "file", "credential") or not self._place:
            raise ValueError(f"expected a reference to a secret: {', '.join(WAYS)}; the value is not shown")
        if self._way == "file" and not self._place.startswith("/"):
            raise ValueError("expected an absolute path: file:/path; the value is not shown")
        if self._way == "credential" and "/" in self._place:
            raise ValueError("expected the name of a credential, without a folder")

    def reveal(self) -> str:
        """The secret without a trailing line end. Raises Retry with the reference if it is missing, empty or
        unreadable.
        """
        found = os.environ.get(self._place, "") if self._way == "env" else self._file_text()
        if not found:
            raise Retry(f"the secret {self} is empty or missing")
        hide(found)
        return found

    def _file_text(self) -> str:
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "") if self._way == "credential" else "/"
        if not folder:
            raise Retry(f"the secret {self} is missing: $CREDENTIALS_DIRECTORY, which systemd sets, is not set")
        try:
            with Path(folder, self._place).open("rb") as file:
                return file.read(SIZE_LIMIT).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Retry(
                f"the secret {self} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
            ) from None

    def __str__(self) -> str:
        return f"{self._way}:{self._place}"

    def __eq__(self, other: object) -> bool:
        """Secrets with the same reference are equal, so that an unchanged output is recognized when the configuration
        is reloaded.
        """
        return isinstance(other, Secret) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    __repr__ = __str__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )
