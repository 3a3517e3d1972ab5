"""Upgrade the sensor to packages that the operator of its hub signed, and roll back if health worsens.

`sensor sync` downloads and verifies the package that the hub offers; it cannot install it. The unit sensor-upgrade runs
`install` as root: it verifies the package again, installs it with dpkg, and observes the sensor's health for five minutes. If the
sensor does not start, reports a fault or loses packets, it reinstalls the previous package.

actions:
  status                       show the installed version and the result of the last upgrade (default)
  enable                       accept releases of the hub's operator (as root), whose public key is printed
  disable                      no longer accept releases (as root)
  install                      install the downloaded package (as root); sensor-upgrade.service does it
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._codes import DONE, NOT_FOUND, NOT_OPENED, NOT_PERMITTED, USAGE, Exit
from sensor.cli._setup import add_log_argument, complain, complain_of_faults
from sensor.cli._show import add_json_argument, put, tidy
from sensor.upgrades import FOLDER, OPERATOR

EXAMPLES = """\
  sudo sensor upgrade enable
  sudo systemctl enable --now sensor-upgrade.path
  sensor upgrade status --json
"""
ACTIONS = ("status", "enable", "disable", "install")
STATES = {
    "installing": "is being installed, or is under observation", "installed": "is installed",
    "rolled_back": "was rolled back", "failed": "failed", "refused": "was refused",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=ACTIONS,
        default="status",
        metavar="ACTION",
        help="status, enable, disable or install",
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="configuration of the sensor (default: the system's)"
    )
    parser.add_argument(
        "--folder", metavar="DIR", type=Path, default=FOLDER, help="folder of the installer (default: %(default)s)"
    )
    add_json_argument(parser)
    add_log_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if the last upgrade was not installed, 2 if the configuration is invalid, 3 if a file cannot be
    read or written, 4 without the permission of root.
    """
    from sensor.config_file import SYSTEM, usual
    from sensor.documents import DocumentErrors

    config = (usual(args.config) or SYSTEM).absolute()
    try:
        return {"status": _status, "enable": _enable, "disable": _disable, "install": _install}[args.action](
            args, config
        )
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    except PermissionError as error:
        text = f"no permission for {error.filename}: run `sudo sensor upgrade {args.action}`"
        raise Exit(NOT_PERMITTED, text, error="upgrade.no-permission") from None
    except OSError as error:
        raise Exit(NOT_OPENED, f"{error.filename}: {error.strerror}", error="file.not-read") from None


def _status(args: argparse.Namespace, config: Path) -> int:
    import msgspec

    from sensor.upgrades.packages import Dpkg
    from sensor.upgrades.results import load_result

    installed, result = Dpkg().installed(), load_result(args.folder)
    enabled = config.with_name(OPERATOR).exists()
    if args.json:
        found = {"installed": installed, "enabled": enabled, "result": result}
        put(msgspec.json.encode(found).decode())
    else:
        put(f"version {tidy(installed)} is installed" if installed else "the Debian package is not installed")
        put(
            "releases of the hub are accepted"
            if enabled
            else "releases of the hub are not accepted: `sensor upgrade enable`"
        )
        if result is not None:
            reason = f": {tidy(result.reason, 300)}" if result.reason else ""
            put(f"the upgrade to {tidy(result.version)} {STATES[result.state]}{reason}")
    return DONE if result is None or result.state in ("installed", "installing") else NOT_FOUND


def _enable(_: argparse.Namespace, config: Path) -> int:
    """Copy the operator's key, which the sensor received when it joined, where only root can write it."""
    from sensor.cli._sync_agent import hub_output
    from sensor.documents import write_whole
    from sensor.outputs.hub_protocol.credentials import load_operator

    options = hub_output(config)[1]
    operator = load_operator(Path(options.credentials))
    if not operator:
        text = "the key of the hub's operator is unknown: join the hub again, or upgrade the hub"
        raise Exit(NOT_FOUND, text, error="hub.no-sync")
    path = config.with_name(OPERATOR)
    write_whole(path, f"{operator}\n".encode())
    path.chmod(0o644)
    put(f"releases signed by {operator} are installed: compare it with the file operator.pub of the hub")
    complain("next: systemctl enable --now sensor-upgrade.path sensor-sync; systemctl restart sensor-sync", "info")
    return DONE


def _disable(_: argparse.Namespace, config: Path) -> int:
    config.with_name(OPERATOR).unlink(missing_ok=True)
    put("releases of the hub are no longer installed")
    return DONE


def _install(args: argparse.Namespace, config: Path) -> int:
    """Install what is ordered. All modules are loaded before, because dpkg replaces their files."""
    import functools

    from sensor.cli._sync_agent import health_now, staging_of
    from sensor.logs import logs
    from sensor.upgrades.installer import Installer, InstallerPaths
    from sensor.upgrades.packages import Dpkg

    logs.configure(args.log_format)
    places = InstallerPaths(staging_of(config), args.folder, config.with_name(OPERATOR))
    result = Installer(places, Dpkg(), functools.partial(health_now, config)).run()
    if result is None:
        put("no upgrade is pending")
        return DONE
    put(f"version {tidy(result.version)}: {result.state}{f': {tidy(result.reason, 300)}' if result.reason else ''}")
    return DONE if result.state == "installed" else NOT_FOUND
