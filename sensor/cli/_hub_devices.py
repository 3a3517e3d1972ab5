"""``sensor hub`` set, undo: values of devices that operators set at the hub."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from sensor.cli._codes import DONE, NOT_FOUND, USAGE, Exit
from sensor.cli._hub_base import check_extra, opened
from sensor.cli._show import put, tidy

Result = TypeVar("Result")


def set_values(args: argparse.Namespace) -> int:
    """``set DEVICE KEY=VALUE…``: 1 if the device does not exist or is ambiguous, 2 for an invalid value."""
    name, *pairs = args.operands or [""]
    if not pairs:
        raise Exit(USAGE, "expected sensor hub set DEVICE KEY=VALUE…", error="usage.missing-argument")
    check_extra()
    from sensor.cli._devices_actions import author_of, correction_of
    from sensor.hub.device_values import DeviceValues
    from sensor.hub.views.ids import joined, resolve
    from sensor.hub.views.query import Reader

    with opened(args) as base, base.transaction():
        device = joined(*_found(lambda: resolve(Reader(base), "devices", name)))
        try:
            corrections = [correction_of(device, pair, args.comment) for pair in pairs]
        except ValueError as error:
            raise Exit(USAGE, str(error), error="usage.invalid-value") from None
        numbers = _found(lambda: DeviceValues(base, author_of(args)).correct(corrections))
    for number, one in zip(numbers, corrections, strict=True):
        shown = f"{one.field}={tidy(one.value)}" if one.value else f"{one.field} as reported by the sensor"
        put(f"{device}: {shown} (undo: sensor hub undo {number})")
    return DONE


def undo(args: argparse.Namespace) -> int:
    """``undo NUMBER``: 1 if there is no such value, or it is undone already."""
    if len(args.operands) != 1:
        raise Exit(USAGE, "expected sensor hub undo NUMBER", error="usage.missing-argument")
    check_extra()
    from sensor.cli._devices_actions import author_of
    from sensor.hub.device_values import DeviceValues

    with opened(args) as base:
        done = _found(lambda: DeviceValues(base, author_of(args)).undo(args.operands[0]), error="device.not-undone")
    put(f"undone: {tidy(done)}")
    return DONE


def _found(call: Callable[[], Result], error: str = "device.unknown") -> Result:
    """The result of a call. Raises Exit if it refuses its arguments."""
    from sensor.views.errors import Ambiguous, Malformed, Unknown

    try:
        return call()
    except Malformed as fault:
        raise Exit(USAGE, tidy(str(fault)), error="usage.invalid-value") from None
    except (Unknown, Ambiguous) as fault:
        raise Exit(NOT_FOUND, tidy(str(fault)), error=error) from None
