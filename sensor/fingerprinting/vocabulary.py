"""The terms of fingerprints: attributes, device types, vendors, families and kinds of observations."""

from __future__ import annotations

from sensor.core.model import Model


class Vocabulary(Model):
    """Valid terms for fingerprints. ``vendors``: canonical spelling → other spellings seen in the field;
    ``observations``: kind → description.
    """

    attributes: dict[str, str] = {}
    types: dict[str, str] = {}
    vendors: dict[str, list[str] | None] = {}
    families: dict[str, str] = {}
    observations: dict[str, str] = {}

    def joined(self, other: Vocabulary) -> Vocabulary:
        """Both combined."""
        return Vocabulary(**{name: {**getattr(self, name), **getattr(other, name)} for name in self.__struct_fields__})

    def spellings(self) -> dict[str, str]:
        """Any spelling of a vendor in lower case → the canonical one."""
        return {
            spelling.lower(): vendor
            for vendor, others in self.vendors.items()
            for spelling in (vendor, *(others or ()))
        }
