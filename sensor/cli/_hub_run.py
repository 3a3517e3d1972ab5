"""``sensor hub init``, ``authority``, ``leaf`` and ``run``."""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._codes import DONE, NOT_OPENED, USAGE, Exit
from sensor.cli._hub_base import check_extra, hub_of
from sensor.cli._setup import complain
from sensor.cli._show import put


def init(args: argparse.Namespace) -> int:
    """Create the folder; 2 without a folder, 3 if it is not writable or has a hub already."""
    from sensor.hub.folder import FolderError, ServerTls, make_folder

    if len(args.operands) != 1:
        complain("expected init DIR, the folder for keys and configuration", error="usage.missing-argument")
        return USAGE
    if (args.certificate is None) != (args.key is None):
        complain("expected --certificate and --key together", error="usage.missing-argument")
        return USAGE
    for path in filter(None, (args.certificate, args.key, args.ca)):
        if not path.is_file():
            raise Exit(USAGE, f"found no file {path}, expected it in PEM format", error="file.not-read")
    folder = Path(args.operands[0])
    tls = ServerTls(args.certificate, args.key, args.ca) if args.certificate else None
    try:
        make_folder(folder, args.listen, args.database, tls)
    except FolderError as error:
        complain(str(error), error="hub.folder")
        return NOT_OPENED
    except OSError as error:
        complain(f"cannot write {error.filename}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    put(f"created {folder}: keep an offline copy of it, it contains the keys of the hub")
    put(f"next: nats-server -c {folder}/nats.conf, then sensor hub run --config {folder}/hub.yaml")
    return DONE


def authority(args: argparse.Namespace) -> int:
    """Print the certificate; 3 if the account's key is missing."""
    from sensor.hub import certificates
    from sensor.hub.folder import FolderError, load_pair

    try:
        put(certificates.authority(load_pair(hub_of(args).folder, "account")).rstrip())
    except FolderError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.folder") from None
    return DONE


def leaf(args: argparse.Namespace) -> int:
    """Create the folder; 2 without a folder or --remote, 3 if keys are missing or it is not writable."""
    from sensor.hub.folder import FolderError
    from sensor.hub.leaf import make_leaf
    from sensor.outputs.transport.nats_server import server_url

    if len(args.operands) != 1 or not args.remote:
        complain("expected leaf DIR --remote URL, a folder and a leaf node port", error="usage.missing-argument")
        return USAGE
    try:
        urls = [server_url(url) for url in args.remote]
    except ValueError as error:
        raise Exit(USAGE, f"--remote: {error}", error="usage.invalid-value") from None
    folder = Path(args.operands[0])
    try:
        make_leaf(hub_of(args), folder, args.listen, urls)
    except FolderError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.folder") from None
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot write {error.filename}: {error.strerror}", error="file.not-written") from None
    put(
        f"created {folder}: copy it to the branch, at the same path; next: nats-server -c {folder.absolute()}/nats.conf"
    )
    return DONE


def run(args: argparse.Namespace) -> int:
    """Run a worker until a signal; 3 if keys, NATS or the database cannot be used."""
    check_extra()
    import asyncio

    from sensor.cli._signals import Signals
    from sensor.core.output import Retry
    from sensor.hub.folder import FolderError
    from sensor.hub.worker import NatsError, Worker
    from sensor.logs import logs
    from sensor.runtime.process import GARBAGE, serving

    logs.configure(None)
    hub = hub_of(args)

    async def work() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def end() -> None:
            loop.call_soon_threadsafe(stop.set)

        with Signals(end):
            await Worker(hub).run(stop)

    try:
        # A transaction has more objects than the requests of minutes, and all live until its end.
        with serving(GARBAGE):
            asyncio.run(work())
    except FolderError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.folder") from None
    except (Retry, OSError, NatsError) as error:
        raise Exit(NOT_OPENED, f"NATS: {error}", error="hub.no-nats") from None
    return DONE
