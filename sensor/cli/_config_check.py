"""``sensor config check`` of a valid configuration: whether the secrets, hosts and files that it names exist, and
whether those files load.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sensor.config import Config
from sensor.core.model import Model
from sensor.core.output import Options, Retry
from sensor.core.reader import clean
from sensor.delivery.section import enabled
from sensor.documents import DocumentErrors, Fault, places
from sensor.outputs.transport.connect import resolve
from sensor.outputs.transport.http_options import HttpOptions, Url
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls, context

RESOLVE_S = 5.0
HOST_KEYS = ("host", "url", "login", "servers", "brokers")
CANNOT = "cannot be read: "

Way = tuple[str | int, ...]


class Check:
    """``faults`` and ``warnings``, each at its key or in the faulty file; ``looked``: number of checked objects by
    kind.
    """

    def __init__(self, path: Path | None, config: Config, texts: Mapping[Path, str] = {}) -> None:
        """``path``: of the configuration, None for the defaults; ``texts``: contents of its layers, if they were read
        before.
        """
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.looked: dict[str, int] = {}
        self._path, self._config = path or Path("defaults"), config
        self._places = places(path, texts) if path is not None else {}

    def outputs(self, *, offline: bool) -> None:
        """Enabled outputs: secrets, certificates and, unless ``offline``, host names."""
        hosts: list[tuple[Way, str]] = []
        on = enabled(self._config.outputs)
        for name, options in on.items():
            for way, value in _parts(options, ("outputs", name)):
                if isinstance(value, Secret):
                    self._secret(way, value)
                elif isinstance(value, Url) and value.secret is not None:
                    self._secret(way, value.secret)
                elif isinstance(value, Tls):
                    self._tls(way, value)
            hosts += self._hosts(options, ("outputs", name))
        if not offline:
            unknown = _unknown({host for _, host in hosts})
            for way, host in hosts:
                if host in unknown:
                    self._add(way, unknown[host])
        self.looked["output"] = len(on)

    def capture(self) -> None:
        """The capture filter."""
        from sensor.capture.bpf import compile_filter
        from sensor.capture.source import CaptureError, InvalidArguments

        try:
            compile_filter(self._config.capture.filter, 1, self._config.capture.snaplen)
        except InvalidArguments as error:
            self._add(("capture", "filter"), clean(str(error), 200))
        except CaptureError:
            pass  # errors that need an interface or a package appear when it is opened

    def lists(self, folder: Path) -> None:
        """Threat lists of the configuration, and those of ``sensor intel`` in a folder."""
        from sensor.intel.list_sources import load_sources
        from sensor.intel.names import SUFFIX

        for place, path in enumerate(self._config.intel):
            self._list(path, ("intel", place))
        kept = sorted(folder.glob(f"*{SUFFIX}"))
        for path in kept:
            self._list(path, None)
        self._loads(lambda: load_sources(folder), None, "lists")
        self.looked["threat list"] = len(self._config.intel) + len(kept)

    def knowledge(self) -> None:
        """The operator's fingerprints, and the MAC registry."""
        from sensor.fingerprinting.load import load_knowledge
        from sensor.fingerprinting.oui import Oui

        section = self._config.fingerprints
        faults = self._loads(lambda: load_knowledge(section.folders), None, "") if section.folders else None
        for fault in faults.faults if faults is not None else ():
            if fault.path in section.folders:
                self._add(
                    ("fingerprints", "folders", section.folders.index(fault.path)), f"{fault.path}: {fault.message}"
                )
            else:
                self.faults.append(fault)
        registry = section.oui_registry
        if registry is not None:
            try:
                Oui(registry).organisation(0x00000C << 24 | 1)
            except (OSError, ValueError) as error:
                why = f"{registry}: {CANNOT}{error.strerror}" if isinstance(error, OSError) else str(error)
                self._add(("fingerprints", "oui_registry"), why)
        self.looked["fingerprint folder"] = len(section.folders)

    def rules(self, folders: Sequence[Path]) -> None:
        from sensor.rules.load import load_rules

        loaded, faults = load_rules(folders)
        self.faults += faults
        self.looked["rule"] = len(loaded)

    def hunts(self, folders: Sequence[Path]) -> None:
        from sensor.records.hunts_library import load_hunts

        by_name, faults = load_hunts(folders)
        self.faults += faults
        self.looked["hunt"] = len(by_name)

    def mutes(self, path: Path) -> None:
        """A file that does not exist yet has no mutes."""
        from sensor.alerts.mutes import load_mutes

        found = self._loads(lambda: load_mutes(path), ("alerts", "mutes"), "mutes") if path.exists() else []
        self.looked["mute"] = self.looked.get("mute", 0) + len(found or ())

    def _secret(self, way: Way, secret: Secret) -> None:
        try:
            secret.reveal()
        except Retry as error:
            elsewhere = str(secret).startswith("credential:") and not os.environ.get("CREDENTIALS_DIRECTORY")
            self._add(way, str(error.args[0]), warning=elsewhere)

    def _tls(self, way: Way, tls: Tls) -> None:
        """First whether the files exist, then whether they are valid."""
        unread = [
            name
            for name in ("ca", "certificate", "key")
            if (path := getattr(tls, name)) is not None and not self._readable(path, (*way, name))
        ]
        parts = {"ca": {"certificate": None, "key": None}, "certificate": {"ca": None}}
        for name, without in parts.items():
            if unread or getattr(tls, name) is None:
                continue
            try:
                context(tls.model_copy(update=without))
            except Retry as error:
                if not str(error.args[0]).startswith("the secret "):
                    self._add((*way, name), str(error.args[0]))

    def _readable(self, path: Path, way: Way) -> bool:
        try:
            with path.open("rb"):
                return True
        except OSError as error:
            self._add(way, f"{path}: {CANNOT}{error.strerror}")
            return False

    def _hosts(self, options: Options, way: Way) -> Iterator[tuple[Way, str]]:
        """Names that must be resolved here; with a proxy only that of the proxy."""
        proxy = getattr(options, "proxy", "")
        for name in ("proxy",) if proxy else HOST_KEYS:
            value: Any = getattr(options, name, None)
            for place, one in enumerate(value if isinstance(value, list) else [value]):
                host = self._host(options, one, (*way, name))
                if host:
                    yield ((*way, name, place) if isinstance(value, list) else (*way, name)), host

    def _host(self, options: Options, value: Any, way: Way) -> str:
        """The host in a name, a URL or ``host:port``; empty if there is none, as with a socket or a missing secret."""
        if isinstance(value, Url) and isinstance(options, HttpOptions):
            try:
                return options.place().host
            except Retry as error:
                if str(error.args[0]).startswith(f"the secret {value}: "):
                    self._add(way, str(error.args[0]))
                return ""
        if not isinstance(value, str) or value.startswith("/"):
            return ""
        try:
            return (urlsplit(value if "://" in value else f"//{value}").hostname or "") if way[-1] != "host" else value
        except ValueError:
            return ""

    def _list(self, path: Path, way: Way | None) -> None:
        from sensor.intel.readers import read_list

        found = self._loads(lambda: read_list(path), way, "threat list")
        if found is not None and found.faults:
            first = found.faults[0]
            self.warnings.append(
                first._replace(message=f"{len(found.faults):,} lines are skipped, the first: {first.message}")
            )

    def _loads(self, load: Callable[[], Any], way: Way | None, what: str) -> Any:
        """The loaded object. None after an error, which is at the key if the file itself cannot be read."""
        try:
            return load()
        except DocumentErrors as errors:
            for fault in errors.faults:
                if way is not None and fault.message.startswith(CANNOT):
                    self._add(way, f"{what} {fault.path}: {fault.message}")
                else:
                    self.faults.append(fault)
        except OSError as error:
            self.faults.append(Fault(Path(error.filename or self._path), 1, 1, f"{CANNOT}{error.strerror}"))
        return None

    def _add(self, way: Way, message: str, *, warning: bool = False) -> None:
        """Add a fault at the key, or at its nearest parent that is in a file."""
        known = next(
            (self._places[way[:length]] for length in range(len(way), 0, -1) if way[:length] in self._places),
            (self._path, 1, 1),
        )
        (self.warnings if warning else self.faults).append(Fault(*known, message))


def _parts(options: Any, way: Way) -> Iterator[tuple[Way, Any]]:
    """Every value within options, including those in sections."""
    if isinstance(options, Model):
        for name, key in zip(options.__struct_fields__, options.__struct_encode_fields__, strict=True):
            yield (*way, key), getattr(options, name)
            yield from _parts(getattr(options, name), (*way, key))
    elif isinstance(options, Mapping | list | tuple):
        for step, value in options.items() if isinstance(options, Mapping) else enumerate(options):
            yield (*way, step), value
            yield from _parts(value, (*way, step))


def _unknown(hosts: set[str]) -> dict[str, str]:
    """Errors of names that cannot be resolved. All are resolved in parallel, with a common timeout, because the
    resolver cannot be interrupted.
    """
    failures: dict[str, str] = {}
    answered: set[str] = set()

    def look_up(host: str) -> None:
        try:
            resolve(host, 0)
        except Retry as error:
            failures[host] = str(error.args[0])
        answered.add(host)

    threads = [threading.Thread(target=look_up, args=(host,), daemon=True) for host in sorted(hosts)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + RESOLVE_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = f"no answer within {RESOLVE_S:g} s: check the DNS resolvers of this host (/etc/resolv.conf)"
    return {
        **{host: f"the name {host}: {late}" for host in hosts - answered},
        **{host: why for host, why in dict(failures).items() if host in answered},
    }
