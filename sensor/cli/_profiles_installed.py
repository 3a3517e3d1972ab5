"""``sensor profiles install``, ``list``, ``show`` and ``remove``: the folder of installed profiles."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._profiles_target import chosen, folder_of
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import put, tidy
from sensor.cli._site import site_of
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.core import addresses
from sensor.core.device import TYPES
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.phrases import counted
from sensor.documents import DocumentErrors, nearest
from sensor.posture.profiles.installed import NAME, Installed, load, name_of, write
from sensor.posture.profiles.model import Entry, Profile
from sensor.posture.profiles.mud import read

COLUMNS = ("profile", "for", "vendor", "model", "entries", "controllers", "updated")
SOON = "a running sensor loads it on `systemctl reload sensor` (SIGHUP)"


def install(args: argparse.Namespace) -> int:
    if len(args.operands) != 1 or not (args.device or args.type or args.product):
        complain(
            "expected install FILE, and one of --for DEVICE, --type TYPE or --product PRODUCT",
            error="usage.missing-argument",
        )
        return USAGE
    path = Path(args.operands[0])
    try:
        profile, mud = read(path).profile(), json.loads(path.read_text(encoding="utf-8-sig"))
        controllers = _controllers(args.controller, profile)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    except ValueError as error:
        complain(str(error), error="file.invalid")
        return USAGE
    except OSError as error:
        complain(f"cannot read {path}: {error.strerror}", error="file.not-read")
        return NOT_OPENED
    target = _target(args)
    return target if isinstance(target, int) else _install(args, target, controllers, profile, mud)


def _install(
    args: argparse.Namespace, target: dict[str, str], controllers: dict[str, list[str]], profile: Profile, mud: object
) -> int:
    folder, name = folder_of(args), name_of(*next(iter(target.items())))
    again = (folder / f"{name}.json").exists()
    try:
        write(folder, name, target, controllers, mud)
    except OSError as error:
        complain(f"cannot write {folder / name}.json: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    put(f"{'replaced' if again else 'installed'}: {name}, {_size(profile)}; {SOON}")
    for one in profile.unread:
        complain(f"not supported: {tidy(one)}; an unsupported condition is treated as met", "info")
    return 0


def _controllers(options: list[str], profile: Profile) -> dict[str, list[str]]:
    """The members of the classes of controllers. Raises ValueError if one is missing or unknown."""
    found: dict[str, list[str]] = {}
    for word in options:
        name, equals, address = word.rpartition("=")
        try:
            addresses.parse_network(address)
        except ValueError:
            equals = ""
        if not equals:
            raise ValueError(
                f"--controller: found {word!r}, expected a class and an address, such as my-controller=10.0.0.5"
            )
        found.setdefault(name, []).append(address)
    if missing := [one for one in profile.controllers if one not in found]:
        raise ValueError(f"the profile refers to {missing[0]}: define it with --controller {missing[0]}=ADDRESS")
    if others := [
        one for one in found if one not in profile.controllers and not one.startswith("urn:ietf:params:mud:")
    ]:
        known = profile.controllers
        hint = nearest(others[0], known) if known else "expected none: the profile has no class"
        raise ValueError(f"--controller: found {others[0]!r}, {hint}")
    return found


def _target(args: argparse.Namespace) -> dict[str, str] | int:
    """The scope of the profile, or an exit code after an error if the device is not known."""
    if args.type is not None:
        if args.type not in TYPES:
            complain(f"--type: found {args.type!r}, {nearest(args.type, TYPES)}", error="usage.invalid-value")
            return USAGE
        return {"type": args.type}
    site = site_of(args)
    if site is None:
        return NOT_OPENED
    _, nodes = chosen(argparse.Namespace(operands=[], device=args.device, type=None, product=args.product), site)
    if not nodes:
        return NOT_FOUND
    return {"product": nodes[0].product} if args.product is not None else {"device": nodes[0].id}


def list_installed(args: argparse.Namespace) -> int:
    found = load(folder_of(args))
    complain_of_faults(found.faults)
    rows = [_row(one) for one in found.installed]
    if args.json:
        for row in rows:
            put(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=sys.stdout.isatty()))
    else:
        put(table(COLUMNS, rows, sys.stdout) if rows else "no profiles are installed")
    return USAGE if found.faults else 0


def _row(one: Installed) -> list[str]:
    profile = one.profile
    entries = sum(len(each.entries) for each in profile.lists)
    cells = [one.name, " ".join(one.target), profile.vendor, profile.model]
    return [*map(tidy, cells), str(entries), tidy(", ".join(one.controllers)), clock(profile.updated)]


def show(args: argparse.Namespace) -> int:
    one = named(args)
    if one is None:
        return NOT_FOUND
    if args.json:
        body = json.loads((folder_of(args) / f"{one.name}.json").read_text(encoding="utf-8"))
        put(json.dumps(body["profile"], indent=2))
        return 0
    profile = one.profile
    put(f"{one.text}: {_size(profile)}")
    facts = {
        "what": profile.info,
        "vendor": profile.vendor,
        "model": profile.model,
        "firmware": profile.firmware,
        "updated": profile.updated,
        "url": profile.url,
    }
    facts |= {f"{name} is": ", ".join(_span(span) for span in spans) for name, spans in one.controllers.items()}
    for name, value in facts.items():
        if value:
            put(f"  {name:9} {tidy(value)}")
    for each in profile.lists:
        put(f"  {each.way} ({tidy(each.name)})")
        for entry in each.entries:
            put(f"    {_entry_text(entry)}")
    for word in profile.unread:
        put(f"  not supported: {tidy(word)}")
    return 0


def _span(span: tuple[int, int]) -> str:
    low, high = map(addresses.text, span)
    return low if low == high else f"{low} to {high}"


def _entry_text(entry: Entry) -> str:
    """``accept  tcp remote port 443, cloud.example, initiated by the device`` (RFC 8519, 4.2; RFC 8520, 8)."""
    proto = PROTOCOLS.get(entry.proto, f"protocol {entry.proto}") if entry.proto else "all protocols"
    ports = [
        f"{word} {_ports(ports)}" for word, ports in (("local port", entry.near), ("remote port", entry.far)) if ports
    ]
    peers = " and ".join(peer.text for peer in entry.peers) or "any host"
    begun = f", initiated by {'the device' if entry.begun == 'from-device' else 'its peer'}" if entry.begun else ""
    version = f" (IPv{entry.version})" if entry.version else ""
    unread = f"; not supported: {', '.join(entry.unread)}" if entry.unread else ""
    return tidy(
        f"{'accept' if entry.accept else 'drop':7} {' '.join([proto, *ports])}, {peers}{version}{begun}{unread}"
    )


def _ports(ports: tuple[tuple[int, int], ...]) -> str:
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in ports)


def remove(args: argparse.Namespace) -> int:
    one = named(args)
    if one is None:
        return NOT_FOUND
    path = folder_of(args) / f"{one.name}.json"
    try:
        path.unlink()
    except OSError as error:
        complain(f"cannot remove {path}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    put(f"removed: {one.name}; {SOON}")
    return 0


def named(args: argparse.Namespace) -> Installed | None:
    """The named profile; None after an error if there is none, or it is invalid."""
    if len(args.operands) != 1 or not NAME.match(args.operands[0]):
        complain(
            f"expected sensor profiles {args.action} NAME, as `sensor profiles list` shows it",
            error="usage.missing-argument",
        )
        return None
    found = load(folder_of(args))
    for fault in found.faults:
        if fault.path.stem == args.operands[0]:
            complain_of_faults([fault])
            return None
    one = next((one for one in found.installed if one.name == args.operands[0]), None)
    if one is None:
        names = [each.name for each in found.installed]
        complain(
            f"no profile {args.operands[0]!r}"
            + (f", {nearest(args.operands[0], names)}" if names else ": none is installed"),
            error="profile.unknown",
        )
    return one


def _size(profile: Profile) -> str:
    entries = sum(len(one.entries) for one in profile.lists)
    return f"{counted(entries, 'entry', 'entries')} in {counted(len(profile.lists), 'access list')}"
