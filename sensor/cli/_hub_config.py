"""``sensor hub configure`` and ``configurations``: layers of the fleet configuration, checked and signed by
operators.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.cli._codes import DONE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._hub_base import check_extra, hub_of, opened
from sensor.cli._setup import complain_of_faults
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.cli._times import age, clock
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.hub.configurations import LayerRow, Publication, StateRow
    from sensor.sync.layers import Scope

LAYERS = ("layer", "version", "published", "author", "files", "comment")
STATES = ("sensor", "configuration", "reported", "restart needed for", "reason")
# A layer may extend what only a sensor's own configuration has, such as an output without its type.
INCOMPLETE = "[config.missing-key]"
SHOWN = 3


def configure(args: argparse.Namespace) -> int:
    """Publish; 1 if a sensor is unknown, 2 if the configuration has faults, 3 if it cannot be read."""
    check_extra()
    from sensor.hub import configurations
    from sensor.hub.folder import FolderError, load_pair
    from sensor.hub.sensors import Unknown
    from sensor.sync.layers import Refused

    again = args.version is not None or args.clear
    if len(args.operands) != (0 if again else 1) or (args.site and args.sensor) or (args.version and args.clear):
        text = "expected configure DIR, or --version NUMBER, or --clear; and at most one of --site and --sensor"
        raise Exit(USAGE, text, error="usage.missing-argument")
    files = {} if again else _read(Path(args.operands[0]))
    what = _publication(args)
    try:
        operator = load_pair(hub_of(args).folder, "operator")
        with opened(args) as base:
            if args.version is not None:
                files = configurations.files_in(base, what, args.version)
            _check(files, args.operands[0] if args.operands else what.scope)
            layer = configurations.publish(base, operator, what, files, datetime.now(UTC))
    except FolderError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.folder") from None
    except Unknown as error:
        raise Exit(NOT_FOUND, f"no sensor {error.args[0]!r} at the hub", error="hub.unknown-sensor") from None
    except Refused as error:
        raise Exit(USAGE, str(error), error="hub.configuration") from None
    about = f"{layer.scope} {tidy(what.target)}".strip()
    size = counted(len(files), "file")
    put(f"version {layer.version} for {about} is published with {size}; sensors pull it within a minute")
    return DONE


def configurations(args: argparse.Namespace) -> int:
    """List versions, then the state of each sensor with the current ones."""
    check_extra()
    from sensor.hub.configurations import list_layers, list_states

    with opened(args) as base:
        layers, states = list_layers(base, max(1, args.limit)), list_states(base)
    if args.json:
        for row in (*layers, *states):
            put(msgspec.json.encode(row).decode())
        return DONE
    cells = [tuple(map(tidy, _layer_cells(row))) for row in layers]
    put(table(LAYERS, cells, sys.stdout) if cells else "no configuration is published: `sensor hub configure` does")
    put("")
    put(table(STATES, [tuple(map(tidy, _state_cells(row))) for row in states], sys.stdout))
    return DONE


def _publication(args: argparse.Namespace) -> Publication:
    from sensor.cli._devices_actions import author_of
    from sensor.hub.configurations import Publication

    scope: Scope = "sensor" if args.sensor else "site" if args.site else "fleet"
    return Publication(scope, args.sensor or args.site or "", author_of(args), args.comment)


def _read(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name. Hidden files of editors and version control are skipped."""
    try:
        if not folder.is_dir():
            raise NotADirectoryError(
                20, "expected a folder with sensor.yaml, lists, rules, hunts, fingerprints or mutes.yaml"
            )
        found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
        return {
            name.as_posix(): path.read_bytes()
            for name, path in found.items()
            if not any(part.startswith(".") for part in name.parts)
        }
    except OSError as error:
        raise Exit(
            NOT_OPENED, f"cannot read {error.filename or folder}: {error.strerror}", error="file.not-read"
        ) from None


def _check(files: Mapping[str, bytes], shown: str) -> None:
    """Check like a sensor with a default configuration. Raises Exit after printing the faults; Refused."""
    from sensor.cli._sync_agent import checked
    from sensor.documents import FLEET, LAYERED, DocumentErrors
    from sensor.sync.layers import Layer, files_of
    from sensor.sync.local_keys import check_keys

    files_of(files)
    if not files:
        return
    with tempfile.TemporaryDirectory(prefix="sensor-hub-") as made:
        config, layer = Path(made) / LAYERED, Layer("fleet", "", 0, 0)
        config.write_text("preset: balanced\n", encoding="utf-8")
        for name, body in files.items():
            path = Path(made) / FLEET / layer.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        try:
            check_keys(Path(shown) / LAYERED, files.get(LAYERED, b"").decode("utf-8", "replace"))
        except DocumentErrors as errors:
            complain_of_faults(errors.faults)
            raise Exit(USAGE, f"{shown} is not published", error="hub.configuration") from None
        faults = [line for line in checked(config, Path(made) / FLEET) if INCOMPLETE not in line]
    for line in faults:
        print(line.replace(f"{layer.folder}/", f"{shown}/", 1), file=sys.stderr)
    if faults:
        raise Exit(USAGE, f"{shown} is not published: {len(faults)} faults", error="hub.configuration")


def _layer_cells(row: LayerRow) -> tuple[str, ...]:
    files = ", ".join(row.files[:SHOWN]) + (f" and {len(row.files) - SHOWN} more" if len(row.files) > SHOWN else "")
    at = clock(row.at.astimezone(UTC).isoformat())
    return (f"{row.scope} {row.target}".strip(), str(row.version), at, row.author, files or "none", row.comment)


def _state_cells(row: StateRow) -> tuple[str, ...]:
    reported = "never" if row.at is None else f"{age(time.time() - row.at.timestamp())} ago"
    return (f"{row.site}/{row.name}", _state(row), reported, ", ".join(row.restart) or "-", row.reason)


def _state(row: StateRow) -> str:
    """State with regard to the layers that the hub offers now. Without a report it is unknown."""
    if row.at is None:
        return "unknown: it does not pull" if row.expected else "local"
    if row.state in ("refused", "rolled_back"):
        return row.state.replace("_", " ")
    if row.digest != row.expected:
        return "outdated"
    return {"local": "local", "trial": "on trial"}.get(row.state, "current" if row.digest else "local")
