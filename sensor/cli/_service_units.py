"""``sensor service``: installation and removal of the units and what they need, below a root; and their state.

The units are those of the Debian package (``packaging/systemd``): beside the package in a checkout, inside it once
installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sensor.cli._setup import complain
from sensor.config_file import SYSTEM

SERVICE, MIRROR, HUB = "sensor.service", "sensor-mirror@.service", "sensor-hub@.service"
# Units whose state is shown: permanent services, and timers and sockets that start the others. Each mirror port and
# each hub worker is an instance of a template.
SHOWN = (
    "sensor.target",
    SERVICE,
    "sensor-records.service",
    "sensor-records-upload.service",
    "sensor-forward.service",
    "sensor-sync.service",
    "sensor-hunt.service",
    "sensor-console.service",
    "sensor-posture.timer",
    "sensor-update.timer",
    "sensor-upgrade.path",
)
UNITS = (*SHOWN, "sensor-posture.service", "sensor-update.service", "sensor-upgrade.service", MIRROR, HUB)
USER_FILE = "sysusers.conf"
# Path of the command in the units; paths that ProtectHome= and PrivateTmp= hide from a service.
COMMAND = "/usr/bin/sensor"
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 nothing is written there
# Characters that need no quoting in a unit (systemd.syntax(7)).
_PLAIN = re.compile(r"[\w./+@-]+", re.ASCII)
PROPERTIES = {
    "Id": "unit", "ActiveState": "state", "ActiveEnterTimestamp": "since", "UnitFileState": "boot", "MainPID": "pid",
    "MemoryCurrent": "memory",
    "NRestarts": "restarts", "StatusText": "status_text", "FragmentPath": "file", "Result": "result",
}  # fmt: skip
MIB = 1 << 20


class CannotServe(Exception):
    """Why this system cannot run the service, and what to do."""


def folder() -> Path:
    package = Path(__file__).resolve().parents[1]
    inside = package / "units_data"
    return inside if inside.is_dir() else package.parent / "packaging" / "systemd"


def packaged(root: Path) -> Path | None:
    """A unit of ours that a package installed."""
    return next(
        (path for place in ("usr/lib", "lib") if (path := root / place / "systemd/system" / SERVICE).exists()), None
    )


def written(root: Path) -> list[Path]:
    """Existing files of ours."""
    return [
        path
        for path in (*(root / "etc/systemd/system" / name for name in UNITS), root / "etc/sysusers.d/sensor.conf")
        if path.exists()
    ]


def check_program(program: Path) -> Path:
    """The command, if a service can execute it."""
    if not program.exists():
        raise CannotServe(
            f"{program} does not exist: install the wheel in a virtual environment: python3 -m venv /opt/sensor"
        )
    for path in (program, Path(sys.executable).resolve()):
        if any(path.is_relative_to(place) for place in HIDDEN):
            raise CannotServe(
                f"{path} is not accessible for services (ProtectHome, PrivateTmp): install in /opt: "
                "python3 -m venv /opt/sensor"
            )
    if not _PLAIN.fullmatch(str(program)):
        raise CannotServe(f"{program}: expected only letters, digits and ./+@_- in the path of a service")
    return program


def write_units(root: Path, program: Path) -> Iterator[str]:
    """Write the units; yields a line for each."""
    for name in UNITS:
        text = (folder() / name).read_text()
        yield _write(root / "etc/systemd/system" / name, text.replace(COMMAND, str(program)))
    yield _write(root / "etc/sysusers.d/sensor.conf", (folder() / USER_FILE).read_text())


def _write(path: Path, text: str) -> str:
    before = path.read_text() if path.exists() else None
    if before == text:
        return f"{path}: unchanged"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    return f"{path}: {'written' if before is None else 'updated'}"


def make_user(root: Path) -> Iterator[str]:
    """Create the user of the units with systemd-sysusers."""
    program = shutil.which("systemd-sysusers")
    if program is None:
        raise CannotServe(
            "systemd-sysusers does not exist, so the user sensor cannot be created; expected a system with systemd"
        )
    made = subprocess.run([program, f"--root={root}", "sensor.conf"], capture_output=True, text=True, check=False)
    if made.returncode:
        raise CannotServe(
            "the user sensor cannot be created: "
            f"{(made.stderr.strip().splitlines() or ['systemd-sysusers failed'])[-1]}"
        )
    yield "user sensor: exists" if not made.stderr else "user sensor: created"


def configure(root: Path) -> Iterator[str]:
    """Create a configuration if there is none, writable by root and readable by the sensor."""
    import os

    path = root / SYSTEM.relative_to("/")
    (path.parent / "conf.d").mkdir(parents=True, exist_ok=True)
    group = _group(root)
    for place in (path.parent, path.parent / "conf.d"):
        place.chmod(0o750)
        os.chown(place, -1, group)
    yield f"{path}: unchanged" if path.exists() else _write(path, default_configuration())


def default_configuration() -> str:
    """All keys with their defaults, commented out except one: an empty document would be a fault."""
    from sensor.cli._config_text import document
    from sensor.config import Config

    return document({"preset": Config().preset})


def _group(root: Path) -> int:
    """The id of the group sensor on that system."""
    for line in (root / "etc/group").read_text().splitlines():
        name, _, number, *_ = f"{line}:::".split(":")
        if name == "sensor":
            return int(number)
    raise CannotServe(f"no group sensor in {root / 'etc/group'}")


def remove_units(root: Path) -> Iterator[str]:
    for path in written(root):
        path.unlink()
        yield f"{path}: removed"


def systemctl(*arguments: str) -> None:
    """Run systemctl if systemd runs here. Its messages go to the terminal."""
    if not Path("/run/systemd/system").is_dir():
        complain(f"systemd is not running: skipped `systemctl {' '.join(arguments)}`", error="service.no-systemd")
        return
    subprocess.run(["systemctl", *arguments], check=False)


def states() -> list[dict[str, str]] | None:
    """The state of the installed units, by the names of PROPERTIES; None if systemd is not available."""
    command = ["systemctl", "show", f"--property=LoadState,{','.join(PROPERTIES)}", *SHOWN]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    if result.returncode:
        return None
    units = [
        dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
        for part in result.stdout.strip().split("\n\n")
    ]
    return [_state(unit) for unit in units if unit.get("LoadState") == "loaded"]


def _state(unit: dict[str, str]) -> dict[str, str]:
    state = {key: unit.get(name, "") for name, key in PROPERTIES.items()}
    state["memory"] = (
        f"{int(state['memory']) // MIB} MiB" if state["memory"].isdigit() and int(state["memory"]) < 1 << 60 else ""
    )
    state["pid"] = "" if state["pid"] == "0" else state["pid"]
    if state["state"] == "failed":
        state["state"] = f"failed ({state['result']})"
    return state
