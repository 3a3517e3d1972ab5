"""Shared by actions of ``sensor profiles``: the scope of a profile, and the folder of installed ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sensor.cli._known import the_device
from sensor.cli._setup import complain
from sensor.cli._show import part, tidy
from sensor.core.device import TYPES
from sensor.documents import nearest
from sensor.eventlog.fold import Fold
from sensor.posture.site import Node, Site


def chosen(args: argparse.Namespace, site: Site) -> tuple[str, Sequence[Node]]:
    """The title and the devices; empty after an error if there are none."""
    if args.type is not None:
        return _all(
            args.type,
            "type",
            [node for node in site.nodes.values() if node.type == args.type],
            sorted({node.type for node in site.nodes.values()}),
        )
    if args.product is not None:
        wanted = args.product.casefold()
        products = sorted({node.product for node in site.nodes.values()} - {""})
        return _all(
            args.product,
            "product",
            [node for node in site.nodes.values() if node.product.casefold() == wanted],
            products,
        )
    nodes = [node for argument in args.operands or [args.device] if (node := the_node(site, argument)) is not None]
    if len(nodes) < len(args.operands or [args.device]):
        return "", ()
    return (nodes[0].text if len(nodes) == 1 else f"{nodes[0].text} and {len(nodes) - 1} more"), nodes


def _all(name: str, kind: str, nodes: Sequence[Node], known: Sequence[str]) -> tuple[str, Sequence[Node]]:
    if not nodes:
        complain(f"no device of the {kind} {name!r}, {nearest(name, known or TYPES)}", error="device.unknown")
    return name, nodes


def the_node(site: Site, what: str) -> Node | None:
    """The device with an id, address, MAC or name; None after an error if there is none, or several."""
    fold = Fold()
    fold.devices = {node.id: node.record for node in site.nodes.values()}
    record = the_device(fold, what)
    return site.nodes.get(tidy(part(record, "device").get("id"))) if record is not None else None


def folder_of(args: argparse.Namespace) -> Path:
    """The folder of installed profiles."""
    from sensor.eventlog.paths import folder_to_read
    from sensor.posture.profiles.installed import FOLDER

    return (args.state or folder_to_read()) / FOLDER
