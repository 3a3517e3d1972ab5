"""Default logins of devices and programs, as data: the user, and seals of user and password
(``sensor/dissectors/shared/seal.py``), never the password.

A new seal is made by ``python -c "from sensor.dissectors.shared.seal import seal; print(seal('user', b'password'))"``.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

from sensor.core.model import Field, Model
from sensor.documents import DocumentErrors, Fault, fault_at, load_shipped, own_folder

FOLDER = "logins"
Seal = Annotated[str, Field(pattern=r"^[0-9a-f]{7}$")]


class DefaultLogin(Model):
    """One default user of a product, with one or several passwords. ``user`` is empty if a login needs only
    a password.
    """

    user: str
    of: str = Field(min_length=3)
    seals: list[Seal] = Field(min_length=1)


class DefaultFile(Model):
    """One file of default logins."""

    note: str = ""
    logins: list[DefaultLogin] = Field(min_length=1)


@functools.cache
def load_defaults(folder: Path | None = None) -> dict[str, DefaultLogin]:
    """Default logins by seal. Raises DocumentErrors with all faults of the files."""
    known: dict[str, DefaultLogin] = {}
    faults: list[Fault] = []
    for path in sorted((folder or own_folder() / FOLDER).glob("*.yaml")):
        try:
            document = load_shipped(path, DefaultFile)
        except DocumentErrors as error:
            faults += error.faults
            continue
        for number, entry in enumerate(document.logins):
            for place, value in enumerate(entry.seals):
                if value in known:
                    faults.append(
                        fault_at(
                            path,
                            ("logins", number, "seals", place),
                            f"found the seal {value!r} twice, expected it once",
                        )
                    )
                known[value] = entry
    if faults:
        raise DocumentErrors(faults)
    return known
