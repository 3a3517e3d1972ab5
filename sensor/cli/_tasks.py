"""The commands by task, as `sensor --help` lists them, and the names by which users of other tools search for them."""

from __future__ import annotations

import difflib
from collections.abc import Collection

TASKS = {
    "capture": ("replay", "run", "interfaces", "doctor"),
    "monitor": ("overview", "devices", "alerts", "status", "top", "tail", "data", "console"),
    "investigate": ("explain", "search", "hunt", "records", "baseline", "mute"),
    "improve": ("posture", "vulns", "paths", "tickets", "firewall", "profiles", "report"),
    "detect": ("rules", "intel", "fingerprints"),
    "deliver": ("outputs", "forward", "join", "sync", "upgrade", "hub"),
    "operate": ("config", "service", "backup", "restore", "purge", "selftest", "version", "help"),
}
# What other tools call it, or what a user expects → the arguments of `sensor` that do it.
GUESSES = {
    "acl": "firewall suggest", "alarms": "alerts", "allow": "baseline allow", "analyze": "replay", "api": "console",
    "assets": "devices", "attack-paths": "paths", "baselines": "baseline", "block": "firewall suggest",
    "blocklist": "intel", "capture": "run", "check": "doctor", "conn": "search", "connections": "search",
    "cve": "vulns", "cves": "vulns", "daemon": "run", "dashboard": "overview", "datasets": "data", "delete": "purge",
    "dns": "search", "events": "tail", "export": "records export", "feeds": "intel", "find": "search",
    "findings": "alerts", "fix": "tickets", "flows": "search", "follow": "tail", "gui": "console", "health": "status",
    "hosts": "devices", "http": "search", "ignore": "mute", "incidents": "alerts incidents",
    "install": "service install", "inventory": "devices", "ioc": "intel", "isolate": "firewall suggest",
    "list": "devices", "listen": "run", "live": "run", "log": "tail", "login": "console login", "logs": "tail",
    "monitor": "top", "mud": "profiles", "name": "devices set", "nics": "interfaces", "notices": "alerts",
    "notify": "outputs", "pcap": "replay", "quarantine": "firewall suggest", "query": "hunt", "read": "replay",
    "recommendations": "posture recommendations", "rename": "devices set", "risk": "posture", "save": "backup",
    "scan": "run", "score": "posture", "servers": "devices", "sessions": "search", "settings": "config",
    "show": "explain", "siem": "outputs", "sigma": "rules import-sigma", "signatures": "rules", "silence": "mute",
    "slack": "outputs", "smb": "search", "sniff": "run", "sql": "hunt", "ssh": "search", "start": "run",
    "statistics": "status", "stats": "status", "summary": "overview", "suppress": "mute", "syslog": "outputs",
    "test": "selftest",
    "threats": "alerts", "timeline": "search", "tls": "search", "ui": "console", "unmute": "mute",
    "update": "intel update", "users": "console tokens", "vulnerabilities": "vulns",
    "watch": "top", "web": "console", "webhook": "outputs", "whitelist": "baseline allow", "why": "explain",
}  # fmt: skip
# Options of other tools → the options of commands that do the same, if the command has one of them.
OPTION_GUESSES = {
    "-a": ("--all", "--wide"), "-c": ("--config", "--count"), "-d": ("--data", "--device"), "-o": ("--output",),
    "-r": ("--file", "--records"), "-s": ("--severity", "--since"), "-v": ("--wide",), "--after": ("--since",),
    "--before": ("--until",), "--from": ("--since", "--src"), "--to": ("--until", "--dst", "--output"),
    "--end": ("--until",), "--limit": ("--count",), "--max": ("--count",), "--iface": ("--interface",),
    "--host": ("--device", "--src"), "--ip": ("--device", "--src", "--address"), "--source": ("--src",),
    "--destination": ("--dst",), "--level": ("--severity",), "--pcap": ("--file",), "--reverse": ("--sort",),
    "--verbose": ("--wide",), "--duration": ("--for", "--seconds", "--period"), "--expire": ("--for", "--expires"),
    "--is": ("--status",), "--start": ("--since",), "--out": ("--output",),
}  # fmt: skip


def option_suggestion(option: str, options: Collection[str]) -> str:
    """The option of a command that a mistyped or guessed option stands for; empty if nothing is near."""
    typed = option.partition("=")[0]
    known = (one for one in OPTION_GUESSES.get(typed, ()) if one in options)
    near = difflib.get_close_matches(typed, list(options), 1) if typed.startswith("--") else []
    return next(known, near[0] if near else "")


def suggestion(typed: str, commands: Collection[str]) -> str:
    """The arguments of `sensor` that a mistyped or guessed command stands for; empty if nothing is near."""
    requested = typed.lower().removeprefix("--")
    if requested in GUESSES:
        return GUESSES[requested]
    near = difflib.get_close_matches(requested, [*commands, *GUESSES], 1)
    return GUESSES.get(near[0], near[0]) if near else ""
