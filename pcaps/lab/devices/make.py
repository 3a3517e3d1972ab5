"""Generates one capture for each device in the YAML files of this folder: ``python -m pcaps.lab.devices.make
[FOLDER]``. The output is byte-identical on every run.

Messages have the formats of standards and vendor documentation. They are not taken from captures of real networks;
addresses, serial numbers and names are fictitious.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import getmembers, isfunction
from pathlib import Path

from pcaps.lab.devices import _announcements, _requests
from pcaps.lab.devices._network import FIRST, HERE, PAUSE, DeviceSpec, Network, device_specs

Builder = Callable[..., None]
BUILDERS: dict[str, Builder] = {
    name: builder
    for module in (_announcements, _requests)
    for name, builder in getmembers(module, isfunction)
    if builder.__module__ == module.__name__
}


def generated(spec: DeviceSpec) -> Network:
    """The network with the captured messages of a device."""
    net, at = Network(spec), FIRST
    for message in spec.messages:
        for name, arguments in message.items():
            substituted = spec.substituted(arguments)
            BUILDERS[name](net, at, **substituted) if isinstance(substituted, dict) else BUILDERS[name](
                net, at, *substituted
            )
            at += PAUSE
    return net


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for spec in device_specs():
        generated(spec).capture.write(folder / f"{spec.name}.pcapng", "pcaps/lab/devices/make.py")


if __name__ == "__main__":
    main()
