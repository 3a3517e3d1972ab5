"""The command ``sensor``. Every file in this folder without a leading underscore is a command; large modules are
imported only for the selected one.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import sensor
import sensor.cli
from sensor.cli._codes import DONE, INTERRUPTED, NOT_FOUND, NOT_OPENED, NOT_PERMITTED, USAGE, Exit
from sensor.cli._opened import over
from sensor.cli._parser import Formatter, Parser, TopParser
from sensor.cli._tasks import suggestion

# Number of allocations between garbage collections; see gc.set_threshold.
STARTING = (200_000, 20, 50)
# Commands whose --config is not the configuration of this sensor.
OTHER_CONFIGURATION = ("hub", "restore")
# Options without a command.
ALONE = ("-h", "--help", "--version")
# Options for the form of the output, of which one may be given.
FORMS = ("json", "csv", "dot", "summary")
# Names of arguments that take several words.
SEVERAL = ("operands", "paths", "ids")
EPILOG = """\
start here:
  sensor replay office.pcapng       analyze a capture
  sensor run -i eth0                capture on an interface
  sensor devices                    show the devices on the network
  sensor explain 10.20.10.62        show the evidence for a device
  sensor help dataset.missing       explain an error code

exit codes: 0 done, 1 not found, 2 wrong usage or configuration,
3 nothing to read, or a file or an interface could not be opened,
4 no permission, 5 the sensor reports a fault (status),
6 a part of the data is missing and is reported as unknown
"""


def names() -> list[str]:
    """All commands."""
    # pkgutil would import inspect, which takes a quarter of the time of `--help`.
    found = {path.stem for folder in sensor.cli.__path__ for path in Path(folder).glob("*.py")}
    return sorted(name for name in found if name != "main" and not name.startswith("_"))


def commands(chosen: Sequence[str]) -> dict[str, ModuleType]:
    """Command modules by name."""
    return {name: importlib.import_module(f"sensor.cli.{name}") for name in chosen}


def parser(chosen: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser with the selected commands, or with all."""
    top = TopParser(
        prog="sensor", description=str(sensor.__doc__), epilog=EPILOG, formatter_class=Formatter, allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"sensor {sensor.__version__}")
    below = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True, parser_class=Parser)
    for name, module in commands(names() if chosen is None else chosen).items():
        text = str(module.__doc__).strip()
        one = below.add_parser(
            name,
            help=text.splitlines()[0].rstrip("."),
            description=text,
            epilog=f"examples:\n{module.EXAMPLES}",
            formatter_class=Formatter,
            allow_abbrev=False,
        )
        module.add_arguments(one)
        top.abouts[name] = text.splitlines()[0].rstrip(".")
        one.set_defaults(main=module.main, refuse=one.error)
    return top


def _parsed(top: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """The parsed arguments. Options may appear between the words of an argument; argparse only supports them before."""
    args, left = top.parse_known_args(arguments)
    name = next((one for one in SEVERAL if hasattr(args, one)), "")
    if left and (not name or any(argument.startswith("-") and argument != "-" for argument in left)):
        args.refuse(f"unrecognized arguments: {' '.join(left)}")
    if left:
        setattr(args, name, [*getattr(args, name), *left])
    forms = [f"--{form}" for form in FORMS if getattr(args, form, False)]
    if len(forms) > 1:
        args.refuse(f"argument {forms[1]}: not allowed with argument {forms[0]}")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    _open_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    _set_up(arguments)
    known = names()
    if arguments and arguments[0].startswith("-") and arguments[0] not in ALONE:
        return _no_command_before(arguments[0])
    if arguments and not arguments[0].startswith("-") and arguments[0] not in known:
        return _no_command(arguments[0], known)
    try:
        args = _parsed(parser(arguments[:1] if arguments and arguments[0] in known else None), arguments)
    except SystemExit:  # after the usage or the help of a command was printed
        _flush()
        raise
    try:
        _look(args)
        code = int(args.main(args))
        if code in (DONE, NOT_FOUND):  # an unknown name may be in the missing part
            code = int(getattr(args, "incomplete", code))
        sys.stdout.flush()
    except Exit as stop:
        return _stopped(stop)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _flush()
        return 0
    except OSError as error:  # not handled by the command
        return _refused(error)
    finally:
        over()
        if os.geteuid() == 0:
            _hand_over(args)
        if argv is None:  # the process ends: a last garbage collection would traverse all objects (6 % of a replay)
            gc.freeze()
    return code


def _set_up(arguments: Sequence[str]) -> None:
    """Set variables that libraries read when they are imported, and the frequency of garbage collection."""
    # Before numpy is imported: threads of its linear algebra would keep the privileges that live capture drops.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Before pydantic is imported: its search for plugins takes a tenth of the start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if arguments[:1] == [
        "run"
    ]:  # before numpy is imported: huge pages are for replays, where a few MiB more do not matter
        os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
    # Modules and fingerprints are many objects without garbage: collecting them repeatedly takes an eighth of the
    # start.
    gc.set_threshold(*STARTING)


def _no_command(typed: str, known: Sequence[str]) -> int:
    """Print suggestions for an unknown command; exit code 2."""
    from sensor.cli._setup import complain
    from sensor.cli._show import tidy

    near = suggestion(typed, known)
    hint = f": try `sensor {near}`" if near else ""
    complain(f"no command {tidy(typed)!r}{hint}; `sensor --help` lists the commands", error="usage.unknown-command")
    return USAGE


def _no_command_before(option: str) -> int:
    """Report an option in place of the command; exit code 2."""
    from sensor.cli._setup import complain
    from sensor.cli._show import tidy

    complain(
        f"found {tidy(option)!r}, expected a command: options follow it, as in `sensor devices --json`; "
        "`sensor --help` lists the commands",
        error="usage.missing-argument",
    )
    return USAGE


def _look(args: argparse.Namespace) -> None:
    """Set the state folder of the system, the zone of times, and whether tables keep all columns. Raises Exit for an
    unknown zone.
    """
    from sensor.config_file import state_of, texts_of, timezone_of, usual, zone_of
    from sensor.eventlog.paths import use_system_folder

    path = usual(getattr(args, "config", None) if args.command not in OTHER_CONFIGURATION else None)
    args.configured, args.texts = path, texts_of(path)
    use_system_folder(state_of(args.texts))
    if not hasattr(args, "wide"):
        return
    from sensor.cli._table import use_all_columns
    from sensor.cli._times import use_zone

    use_all_columns(args.wide)
    named = args.tz or os.environ.get("SENSOR_TZ", "")
    try:
        use_zone(zone_of(named or timezone_of(args.texts)))
    except ValueError as error:
        raise Exit(USAGE, f"{'--tz' if named else f'{path}: timezone'}: {error}", error="usage.invalid-value") from None


def _stopped(stop: Exit) -> int:
    """Print the reason, after the output so far."""
    from sensor.cli._setup import complain

    _flush()
    if stop.message:
        complain(stop.message, error=stop.error)
    return stop.code


def _open_streams() -> None:
    """If a standard stream is closed at the start, the next opened file would get its descriptor, and then
    our output. Characters that the locale's encoding lacks are escaped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _refused(error: OSError) -> int:
    """Print permission errors, and a full disk of the output, on one line; other errors are internal."""
    from sensor.cli._setup import complain
    from sensor.cli._show import FULL
    from sensor.config_file import NONE, SYSTEM

    if isinstance(error, PermissionError) and error.filename:
        without = f"; --config {NONE} uses no configuration" if str(error.filename) == str(SYSTEM) else ""
        complain(
            f"no permission for {error.filename}: run the command as root or a member of its group{without}",
            error="permission.denied",
        )
        return NOT_PERMITTED
    if error.errno in FULL:
        complain(f"cannot write {error.filename or 'to standard output'}: {error.strerror}", error="file.not-written")
        _flush()
        return NOT_OPENED
    raise error


def _flush() -> None:
    """Write the rest of the output; discard it if the reader has closed the pipe or the disk is full."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _hand_over(args: argparse.Namespace) -> None:
    """Files that root creates beside a sensor of another user must stay accessible to it."""
    from sensor.cli._ownership import hand_over
    from sensor.eventlog.paths import state_folder

    hand_over(getattr(args, "state", None) or state_folder())
