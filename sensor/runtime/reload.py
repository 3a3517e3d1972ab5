"""Reload: the configuration is read again while the engine continues, and applied between two batches.

Reading takes long (YAML, fingerprints, rules), so a thread does it; the engine only replaces the old parts with the new
ones. Invalid parts stay unchanged: the configuration as a whole, the rules, the fingerprints. Unchanged parts are not
replaced: their detectors keep all counts. Resources that are opened or sized at the start change only with a restart.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sensor.alerts.files import AlertFiles
from sensor.config import Config
from sensor.config_values import counts_at_once, differences
from sensor.documents import DocumentErrors, Fault, stamps
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.writer import EventLog
from sensor.evidence.writer import Writer
from sensor.intel.store import ThreatLists
from sensor.logs.logs import log
from sensor.posture.profiles.installed import Profiles, load
from sensor.posture.profiles.installed import files_of as profiles_of
from sensor.rules.load import Rules, files_of
from sensor.runtime.assembly import Engine, Known, known, stamp_of
from sensor.runtime.notify import Notifier
from sensor.runtime.process import give_back
from sensor.runtime.upstream import Outputs

FAULTS_LIMIT, KEYS_LIMIT = 32, 32


class Settings(NamedTuple):
    """The current configuration, and the paths of other files of the operator: those on the command line take
    precedence.
    """

    config: Config
    mutes: Path | None
    evidence: Path | None
    rules: Sequence[Path]
    profiles: Path | None = None


class State(msgspec.Struct):
    """The state of reloads. ``reloads``: number applied, and ``refused``; ``faults`` of the files on disk; ``restart``:
    keys that need a restart.
    """

    reloads: int = 0
    refused: int = 0
    faults: list[str] = []
    restart: list[str] = []


class ConfigEvents(NamedTuple):
    """An event of kind `sensor/config`."""

    severity: str
    msg: str
    facts: dict[str, Any]


class _ReadFiles(NamedTuple):
    """Files that were read. ``rules``, ``found`` and ``profiles`` are None if they are unchanged; ``faults`` of those
    three.
    """

    settings: Settings
    rules: Rules | None
    found: Known | None
    profiles: Profiles | None
    writer: Writer | None
    faults: list[Fault]


class Parts(NamedTuple):
    """The parts of a run that the configuration affects."""

    engine: Engine
    files: AlertFiles
    lists: ThreatLists
    log: EventLog | LiveLog
    outputs: Outputs


class Reloader:
    """``look`` is called by the engine between two batches. ``read`` returns the current configuration, ``requested``
    whether a reload was requested.
    """

    def __init__(
        self,
        config: Config,
        parts: Parts,
        read: Callable[[], Settings],
        requested: Callable[[], bool],
        notifier: Notifier,
    ) -> None:
        self.state = State()
        self._config, self._begun, self._parts, self._notifier = config, config, parts, notifier
        self._read, self._requested = read, requested
        self._thread: threading.Thread | None = None
        self._got: _ReadFiles | DocumentErrors | None = None

    def look(self, now: float) -> Iterator[ConfigEvents]:
        """Start reading if requested; apply what was read. ``now``: seconds since the epoch."""
        if self._thread is None:
            if self._requested():
                self._notifier.reloading()
                self._thread = threading.Thread(target=self._work, name="reload", daemon=True)
                self._thread.start()
            return
        if self._thread.is_alive():
            return
        self._thread = None
        got, self._got = self._got, None
        if isinstance(got, _ReadFiles):
            yield self._take(got, now)
        else:
            yield from self._refuse(got.faults if got is not None else [])
        self._notifier.ready()

    # In the thread.

    def _work(self) -> None:
        try:
            self._got = self._prepare(self._read())
        except DocumentErrors as errors:
            self._got = errors
        # free replaced objects and reading's reference cycles; the collector would run only after a hundred reloads
        gc.collect()
        give_back()

    def _prepare(self, settings: Settings) -> _ReadFiles:
        config, engine = settings.config, self._parts.engine
        rules = Rules(settings.rules) if stamps(files_of(settings.rules)) != engine.rules.stamps else None
        found = (
            known(config)
            if config.fingerprints != self._config.fingerprints or stamp_of(config) != engine.known.stamp
            else None
        )
        writer = self._parts.files.writer_for(settings.evidence, config.evidence.mib)
        profiles = load(settings.profiles) if stamps(profiles_of(settings.profiles)) != engine.profiles.stamps else None
        faults = [fault for one in (rules, found, profiles) if one is not None for fault in one.faults]
        kept = profiles.keeping(engine.profiles) if profiles is not None else None
        return _ReadFiles(
            settings,
            rules if rules and not rules.faults else None,
            found if found and not found.faults else None,
            kept,
            writer,
            faults,
        )

    # In the engine's thread.

    def _take(self, fresh: _ReadFiles, now: float) -> ConfigEvents:
        config, parts, before = fresh.settings.config, self._parts, self._config
        differing = differences(before, config)
        changed = [key for key in differing if counts_at_once(key)]
        if fresh.rules is not None and not fresh.rules.same_as(parts.engine.rules):
            changed.append("rules")
        if fresh.found is not None and not any(key.startswith("fingerprints.") for key in changed):
            changed.append("fingerprints")
        if fresh.profiles is not None:
            changed.append("profiles")
        parts.engine.take_up(config, fresh.rules, fresh.found, fresh.profiles)
        mutes, shared = fresh.settings.mutes, config.alerts.shared_mutes
        parts.engine.pipeline.keep(parts.files.take_up(mutes, shared, fresh.writer, config.evidence.mib))
        parts.lists.look_for(config.intel)
        names = [name for name, options in config.outputs.items() if options.delivers]
        parts.outputs.watch(names, now)
        if isinstance(parts.log, LiveLog):
            parts.log.keep(config.retention, names)
        give_back()
        self._config = config
        self.state.restart = [key for key in differences(self._begun, config) if not counts_at_once(key)]
        self.state.faults = list(map(str, fresh.faults))
        self.state.reloads += 1
        return self._applied(changed, fresh.faults)

    def _applied(self, changed: list[str], faults: list[Fault]) -> ConfigEvents:
        msg = f"the configuration was reloaded: {_listed(changed) or 'nothing'} changed"
        if restart := self.state.restart:
            msg += f"; {_listed(restart)} {'apply' if len(restart) > 1 else 'applies'} after a restart"
        if faults:
            msg += f"; invalid rules, fingerprints and profiles stay at their previous version: {_first(faults)}"
        facts = {
            "changed": changed[:KEYS_LIMIT],
            "restart": restart[:KEYS_LIMIT],
            "faults": self.state.faults[:FAULTS_LIMIT],
        }
        self._write_log(msg, faults[1:])
        return ConfigEvents("low" if faults else "info", msg, facts)

    def _refuse(self, faults: list[Fault]) -> Iterator[ConfigEvents]:
        """Refuse the configuration. The same errors are reported in full once."""
        lines = list(map(str, faults)) or ["it could not be read"]
        again, self.state.faults = lines == self.state.faults, lines
        self.state.refused += 1
        msg = f"the new configuration is invalid, the previous one remains in use: {_first(lines)}"
        self._write_log(msg, [] if again else faults[1:])
        if not again:
            yield ConfigEvents("low", msg, {"faults": lines[:FAULTS_LIMIT]})

    def _write_log(self, msg: str, faults: Sequence[Fault]) -> None:
        """Write the complete message to the sensor's own log."""
        (log().warning if self.state.faults else log().info)(msg)
        for fault in faults[:FAULTS_LIMIT]:
            log().warning(str(fault))


def _listed(keys: Sequence[str]) -> str:
    """The first keys as text."""
    return ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")


def _first(faults: Sequence[Fault | str]) -> str:
    return f"{faults[0]}" + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
