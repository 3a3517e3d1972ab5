"""The agent of `sensor sync` with its components: the hub output of the configuration, and commands in separate
processes, so that a check leaves nothing in memory and cannot end the agent.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from sensor.cli._codes import USAGE, Exit
from sensor.sync.agent import Agent, Upgrades
from sensor.sync.health import Health, health_of
from sensor.sync.link import Link

CHECK_S, STATUS_S = 120.0, 30.0
HUB = "hub"
STAGING = "upgrade"


def agent_of(config: Path) -> tuple[Agent, Callable[[], None]]:
    """The agent, and a function that closes its connection. Raises Exit without an output to a hub; DocumentErrors;
    OSError.
    """
    from sensor.documents import FLEET

    name, options = hub_output(config)
    link = Link(options.servers, options)
    check, health = functools.partial(checked, config), functools.partial(health_now, config)
    upgrades = _upgrades_of(config, link)
    return Agent(config.parent / FLEET.parts[0], link, check, health, [name], upgrades=upgrades), link.close


def _upgrades_of(config: Path, link: Link) -> Upgrades | None:
    """Upgrades, if root has enabled them. Raises Exit, OSError."""
    from sensor.upgrades import FOLDER, OPERATOR
    from sensor.upgrades.packages import Dpkg
    from sensor.upgrades.upgrader import Upgrader

    try:
        operator = config.with_name(OPERATOR).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    return Upgrader(staging_of(config), FOLDER, operator, link.part, Dpkg())


def hub_output(config: Path) -> tuple[str, Any]:
    """Name and options of the only output to a hub. Raises Exit if there is none, or several;
    DocumentErrors; OSError.
    """
    from sensor.delivery.section import load_delivery, type_of
    from sensor.documents import FLEET, fleet_from

    # The connection to the hub is local: an invalid layer of the hub must not break it.
    with fleet_from(config.parent / FLEET.parts[0] / "none"):
        outputs = load_delivery(config).outputs
    hubs: dict[str, Any] = {name: options for name, options in outputs.items() if type_of(options) == HUB}
    if len(hubs) != 1:
        message = f"found {len(hubs)} outputs of type hub in {config}, expected one: `sensor join` prints it"
        raise Exit(USAGE, message, error="output.none-configured")
    ((name, options),) = hubs.items()
    return name, options


def staging_of(config: Path) -> Path:
    """The folder in which the sensor stores packages: beside its credentials. Raises as ``hub_output``."""
    _, options = hub_output(config)
    return Path(options.credentials).absolute().parent / STAGING


def checked(config: Path, fleet: Path) -> list[str]:
    """Faults of the configuration with the layers of a folder."""
    arguments = ("config", "check", "--offline", "--fleet", str(fleet), str(config))
    try:
        done = _command(arguments, CHECK_S)
    except subprocess.TimeoutExpired:
        return [f"its check took longer than {CHECK_S:g} s"]
    if done.returncode == 0:
        return []
    lines = [line.replace(f"{fleet}/", "") for line in done.stderr.splitlines() if ": warning: " not in line]
    if done.returncode == USAGE and lines:
        return lines
    return [f"its check ended with exit code {done.returncode}: {(lines or ['no output'])[-1]}"]


def health_now(config: Path) -> Health:
    """Health of the running sensor; not running if it does not respond."""
    try:
        done = _command(("status", "--json", "--config", str(config)), STATUS_S)
        status = msgspec.json.decode(done.stdout)
    except (subprocess.TimeoutExpired, msgspec.DecodeError):
        return Health()
    return health_of(status) if isinstance(status, dict) else Health()


def _command(arguments: tuple[str, ...], within_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sensor", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=within_s, errors="replace",
    )  # fmt: skip
