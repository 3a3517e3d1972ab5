"""The commands by task, as `sensor --help` lists them, and what people type instead of them."""

from __future__ import annotations

import difflib
from collections.abc import Collection

TASKS = {
    "capture": ("replay", "run", "interfaces", "doctor"),
    "monitor": ("devices", "alerts", "status", "top", "tail", "data", "console"),
    "investigate": ("explain", "search", "hunt", "records", "baseline", "mute"),
    "improve": ("posture", "vulns", "paths", "tickets", "firewall", "profiles", "report"),
    "detect": ("rules", "intel", "fingerprints"),
    "deliver": ("outputs", "forward", "join", "sync", "hub"),
    "operate": ("config", "service", "backup", "restore", "purge", "selftest", "version", "help"),
}
# What other tools call it, or what a user expects → the arguments of `sensor` that do it.
GUESSES = {
    "alarms": "alerts", "allow": "baseline allow", "analyze": "replay", "api": "console", "assets": "devices",
    "attack-paths": "paths", "block": "firewall suggest", "capture": "run", "check": "doctor", "cve": "vulns",
    "cves": "vulns", "daemon": "run", "dashboard": "console", "datasets": "data", "delete": "purge", "dns": "search",
    "events": "tail", "export": "records export", "findings": "alerts", "flows": "search", "gui": "console",
    "health": "status", "hosts": "devices", "http": "search", "incidents": "alerts incidents",
    "install": "service install", "inventory": "devices", "ioc": "intel", "isolate": "firewall suggest",
    "list": "devices", "listen": "run", "log": "tail", "login": "console login", "logs": "tail", "monitor": "top",
    "mud": "profiles", "notify": "outputs", "pcap": "replay", "quarantine": "firewall suggest", "query": "hunt",
    "read": "replay", "recommendations": "posture recommendations", "risk": "posture", "scan": "run",
    "score": "posture", "show": "explain", "sigma": "rules import-sigma", "silence": "mute", "sniff": "run",
    "sql": "hunt", "start": "run", "statistics": "status", "stats": "status", "suppress": "mute", "threats": "alerts",
    "tls": "search", "ui": "console", "update": "intel update", "upgrade": "backup", "users": "console tokens",
    "vulnerabilities": "vulns", "watch": "top", "web": "console", "whitelist": "baseline allow", "why": "explain",
}  # fmt: skip


def suggestion(word: str, commands: Collection[str]) -> str:
    """The arguments of `sensor` that a mistyped or guessed command stands for; empty when nothing is near."""
    requested = word.lower().removeprefix("--")
    if requested in GUESSES:
        return GUESSES[requested]
    near = difflib.get_close_matches(requested, [*commands, *GUESSES], 1)
    return GUESSES.get(near[0], near[0]) if near else ""
