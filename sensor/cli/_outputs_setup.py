"""Shared by ``forward`` and ``outputs``: selection of configuration, log and outputs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sensor.cli._setup import complain, complain_of_faults

if TYPE_CHECKING:
    from sensor.core.output import Options
    from sensor.delivery.section import Delivery


class Configured(NamedTuple):
    """The delivery section of the configuration."""

    delivery: Delivery

    def chosen(self, names: Sequence[str]) -> dict[str, Options] | None:
        """The outputs with these names, or all enabled ones. None after an error for an unknown name."""
        from sensor.delivery.section import enabled
        from sensor.documents import nearest

        outputs = self.delivery.outputs
        for name in names:
            if name not in outputs:
                complain(
                    f"no output {name!r}, {nearest(name, sorted(outputs)) or 'none are configured'}",
                    error="output.unknown",
                )
                return None
        return {name: outputs[name] for name in dict.fromkeys(names)} if names else enabled(outputs)

    def delivering(self, names: Sequence[str]) -> dict[str, Options] | None:
        """As ``chosen``, for outputs that accept records of the log. None if one of the names is an output
        of tickets.
        """
        found = self.chosen(names)
        if found is None:
            return None
        for name in names:
            if not found[name].records:
                complain(
                    f"the output {name!r} accepts tickets: `sensor tickets send {name}` sends them",
                    error="output.wrong-type",
                )
                return None
        return {name: options for name, options in found.items() if options.records}


def add_outputs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="configuration with the section outputs: (default: the system's)"
    )
    log = "event log (default: events: of the configuration, else events.jsonl in the folder of state:)"
    parser.add_argument("--events", metavar="FILE", type=Path, help=log)


def configured(args: argparse.Namespace) -> Configured | None:
    """None after printing its errors."""
    from sensor.cli._configuration import texts_of
    from sensor.config_file import usual
    from sensor.delivery.section import load_delivery
    from sensor.documents import DocumentErrors

    args.config = usual(args.config)
    try:
        return Configured(load_delivery(args.config, texts_of(args)))
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None


def log_of(args: argparse.Namespace, found: Configured) -> Path:
    """The log to deliver, which may not exist yet."""
    from sensor.datasets.live import live_log
    from sensor.eventlog.paths import folder_to_read

    path: Path = args.events or found.delivery.events or live_log(found.delivery.state or folder_to_read())
    return path


def complain_of(error: OSError, log: Path) -> None:
    complain(
        f"cannot write cursors beside {log}: {error.strerror} ({error.filename})"
        if error.filename
        else f"cannot deliver {log}: {error.strerror}",
        error="file.not-written",
    )
