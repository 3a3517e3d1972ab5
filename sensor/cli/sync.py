"""Pull the configuration signed by the hub, check and apply it, and roll back if health worsens.

The layers of the hub (fleet, site, sensor) are in the folder fleet beside the configuration, on top of sensor.yaml and below conf.d.
Each version is checked like `sensor config check` before it is used; `sensor run` and `sensor forward` load it immediately. For two minutes
the sensor's health is observed: if it refuses the configuration, reports a fault, loses packets or stops, the
previous version is restored.
If the hub cannot be reached, the sensor keeps its configuration. `sensor join --sync` sets this up.

actions:
  run                          pull every minute, until Ctrl-C (default)
  status                       show the version in use and the result of the last update
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import DONE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._setup import add_log_argument, complain, complain_of_faults
from sensor.cli._show import add_json_argument, put, tidy

if TYPE_CHECKING:
    from sensor.sync.agent import Agent

EXAMPLES = """\
  sensor sync --config /etc/sensor/sensor.yaml
  sensor sync --once
  sensor sync status --json
"""
ACTIONS = ("run", "status")
EVERY_S, WATCH_S, TICK_S = 60.0, 10.0, 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=ACTIONS, default="run", metavar="ACTION", help="run or status (default: run)"
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration of the sensor, named sensor.yaml (default: the system's)",
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="pull once, and observe a new version to the end; exit code 1 if it is not applied",
    )
    add_json_argument(parser)
    add_log_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a version is not applied, 2 if the configuration is invalid, 3 if the hub or the folder
    cannot be reached.
    """
    config = _config(args)
    return _status(args, config) if args.action == "status" else _run(args, config)


def _config(args: argparse.Namespace) -> Path:
    from sensor.config_file import usual
    from sensor.documents import LAYERED

    config = usual(args.config)
    if config is None or config.name != LAYERED:
        found = f"found {config}" if config else "found no configuration"
        raise Exit(USAGE, f"{found}, expected --config with a file named {LAYERED}", error="config.missing")
    return config


def _run(args: argparse.Namespace, config: Path) -> int:
    from sensor.cli._sync_agent import agent_of
    from sensor.core.output import Retry
    from sensor.documents import DocumentErrors
    from sensor.logs import logs

    logs.configure(args.log_format)
    try:
        agent, close = agent_of(config)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot read {error.filename}: {error.strerror}", error="file.not-read") from None
    try:
        return _once(agent) if args.once else _until_stopped(agent)
    except Retry as error:
        raise Exit(NOT_OPENED, f"the hub cannot be reached: {error}", error="hub.no-nats") from None
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot write {error.filename}: {error.strerror}", error="file.not-written") from None
    finally:
        close()


def _once(agent: Agent) -> int:
    import time

    from sensor.cli._signals import Signals

    agent.pull()
    with Signals() as signals:
        while agent.state.trial is not None and not signals.stopped:
            time.sleep(TICK_S)
            agent.watch()
    if agent.state.outcome in ("applied", "rolled_back"):
        agent.pull()  # which reports it
    put(_line(agent.state.outcome, agent.folder.current, agent.state.reason))
    return DONE if agent.state.outcome in ("applied", "local") else NOT_FOUND


def _until_stopped(agent: Agent) -> int:
    """Errors are retried: the sensor does not depend on it."""
    import time

    from sensor.cli._signals import Signals
    from sensor.core.output import Retry
    from sensor.logs.logs import log
    from sensor.runtime.notify import Notifier

    notifier, failing = Notifier(), ""
    pull_at = watch_at = upgrade_at = 0.0
    with Signals() as signals:
        notifier.ready("pulls the configuration of the hub")
        while not signals.stopped:
            now = time.monotonic()
            try:
                if now >= watch_at:
                    watch_at = now + WATCH_S
                    agent.watch()
                if now >= pull_at or signals.requested():
                    pull_at = now + EVERY_S
                    agent.pull()
                    failing = ""
                if now >= upgrade_at:
                    upgrade_at = now + EVERY_S  # if it fails
                    agent.upgrade()
                    upgrade_at = now
            except (Retry, OSError) as error:
                if str(error) != failing:
                    failing = str(error)
                    log().warning(
                        "the configuration or a release of the hub cannot be pulled: retrying later", error=failing
                    )
            notifier.status(lambda: _line(agent.state.outcome, agent.folder.current, agent.state.reason))
            notifier.beat()
            time.sleep(TICK_S)
        notifier.stopping()
    notifier.close()
    return DONE


def _status(args: argparse.Namespace, config: Path) -> int:
    """1 if the last version of the hub is not in use."""
    import msgspec

    from sensor.documents import FLEET
    from sensor.sync.folder import FleetFolder
    from sensor.sync.state import DamagedState, load_state

    folder = FleetFolder(config.parent / FLEET.parts[0])
    try:
        state = load_state(folder.root)
    except DamagedState as damaged:
        raise Exit(NOT_OPENED, str(damaged), error="file.not-read") from None
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot read {error.filename}: {error.strerror}", error="file.not-read") from None
    if args.json:
        put(msgspec.json.encode({"digest": folder.current, **msgspec.to_builtins(state)}).decode())
    else:
        put(_line(state.outcome, folder.current, state.reason))
        if state.restart:
            complain(f"takes effect at the next start of the sensor: {', '.join(map(tidy, state.restart))}", "info")
    return DONE if state.outcome in ("applied", "local", "trial") else NOT_FOUND


def _line(outcome: str, digest: str, reason: str) -> str:
    """The status on one line."""
    using = f"version {digest} of the hub is in use" if digest else "no configuration of the hub is in use"
    states = {
        "": "the hub was not queried yet", "trial": "on trial", "applied": "applied", "refused": "a later version was rejected",
        "rolled_back": "a later version was rolled back", "local": "the hub defines no values",
    }  # fmt: skip
    return f"{using}: {states.get(outcome, tidy(outcome))}{f': {tidy(reason, 300)}' if reason else ''}"
