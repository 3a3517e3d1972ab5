"""Languages of pages: English, and catalogues in ``messages`` of the state folder, for example ``de.yaml``."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from pydantic import BaseModel, ConfigDict, field_validator

from sensor.console.messages import places_of
from sensor.documents import load_document

FOLDER = "messages"
ENGLISH = "en"
# Limit of languages that are read from Accept-Language.
WANTED_MOST = 20


class Catalogue(BaseModel):
    """One file. ``plural``: the plural form for a number, as in GNU gettext, from 0; ``messages``: English to
    translation, several forms if the English text is ``one | many``; an empty translation is not translated yet.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    plural: str = "n != 1"
    messages: dict[str, str | list[str]] = {}

    @field_validator("plural")
    @classmethod
    def _rule(cls, rule: str) -> str:
        gettext.c2py(rule)
        return rule

    @field_validator("messages")
    @classmethod
    def _places(cls, messages: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for english, found in messages.items():
            for text in found if isinstance(found, list) else [found]:
                if text and places_of(text) != places_of(english):
                    raise ValueError(f"{english!r}: expected the placeholders {' '.join(places_of(english)) or 'none'}")
        return messages


class Language(msgspec.Struct, eq=False):
    """``code``: a BCP 47 tag; ``form``: the plural form for a number."""

    code: str
    messages: Mapping[str, str | list[str]]
    form: Callable[[int], int]

    def text(self, message: str) -> str:
        """The translation, or the English text."""
        found = self.messages.get(message)
        return found if isinstance(found, str) and found else message

    def plural(self, number: int, one: str, many: str) -> str:
        """The word form for a number."""
        forms = self.messages.get(f"{one} | {many}")
        if not isinstance(forms, list) or not all(forms):
            return one if number == 1 else many
        return forms[min(int(self.form(number)), len(forms) - 1)]


class Languages:
    """Available languages. ``fixed``: language of all pages, empty if browsers choose."""

    def __init__(self, folder: Path | None = None, fixed: str = "") -> None:
        """Raises DocumentErrors if a catalogue is invalid; KeyError if there is none for ``fixed``."""
        self.known = {ENGLISH: Language(ENGLISH, {}, gettext.c2py("n != 1"))}
        for path in sorted(folder.glob("*.yaml")) if folder is not None else ():
            found = load_document(path, Catalogue)
            code = path.stem.lower()
            self.known[code] = Language(code, found.messages, gettext.c2py(found.plural))
        self._fixed = self.known[fixed.lower()] if fixed else None

    def wanted(self, accept: str) -> Language:
        """The available language that a browser prefers (Accept-Language; RFC 9110, 12.5.4)."""
        if self._fixed is not None:
            return self._fixed
        for tag in _preferred(accept):
            for code in (tag, tag.partition("-")[0]):
                if code in self.known:
                    return self.known[code]
        return self.known[ENGLISH]


def _preferred(accept: str) -> list[str]:
    """Requested languages, most preferred first."""
    found = []
    for one in accept.split(",")[:WANTED_MOST]:
        tag, _, weight = one.replace(" ", "").partition(";q=")
        try:
            found.append((-float(weight or 1), tag.lower()))
        except ValueError:
            continue
    return [tag for quality, tag in sorted(found, key=lambda one: one[0]) if quality]
