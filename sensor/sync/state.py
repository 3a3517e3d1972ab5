"""State of `sensor sync`: accepted, trial and failed versions, in a JSON file in the folder ``fleet``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from sensor.documents import write_whole
from sensor.sync.health import Health

NAME = "state.json"
FAILED_LIMIT = 20
Outcome = Literal["", "trial", "applied", "refused", "rolled_back", "local"]
"""``applied``: in use, and health did not get worse; ``trial``: in use, health is being watched; ``local``: the hub has
no layers; empty: the hub was not asked yet.
"""


class ConfigurationTrial(msgspec.Struct):
    """A version on trial. ``before``: digest of the version that it replaced; ``health``: at that time; ``begun``:
    seconds since 1970; ``worse``: consecutive observations of worse health.
    """

    before: str
    health: Health
    begun: float
    worse: int = 0


class State(msgspec.Struct):
    """``accepted``: signing time of the layers in use, by their place; older ones are rejected; ``failed``: digests
    that were rolled back, with the reason; ``refused``, ``refused_at``: digest that was refused last, and its time;
    ``restart``: keys that take effect at the next start.
    """

    outcome: Outcome = ""
    reason: str = ""
    accepted: dict[str, int] = {}
    failed: dict[str, str] = {}
    refused: str = ""
    refused_at: float = 0.0
    restart: list[str] = []
    trial: ConfigurationTrial | None = None

    def fail(self, digest: str, outcome: Outcome, reason: str) -> None:
        """Record a failed version, which is not tried again."""
        self.outcome, self.reason = outcome, reason
        self.failed[digest] = reason
        for old in list(self.failed)[:-FAILED_LIMIT]:
            del self.failed[old]


class DamagedState(Exception):
    """The file is damaged: which versions were accepted, failed or are on trial is unknown."""


def load_state(folder: Path) -> State:
    """The state; the initial state if there is no file. Raises DamagedState, OSError."""
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return State()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise DamagedState(
            f"{path} is damaged, so that an older configuration cannot be recognized: to accept the one that the hub "
            "offers, remove the file"
        ) from None


def save_state(folder: Path, state: State) -> None:
    """Write the state. Raises OSError."""
    write_whole(folder / NAME, msgspec.json.encode(state))
