"""Presets: sets of detector options by name, for those who would rather not set thresholds one by one. What the configuration says of a detector wins.

``balanced``: the defaults of the detectors. ``quiet``: for networks where nobody looks every day; only what is grave enough to act on, later and surer.
``paranoid``: for those who would rather look once too often; everything is told, sooner. ``compatible``: the thresholds that makers of commercial sensors
publish for the alerts of the same meaning, for those who compare.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Preset(NamedTuple):
    """``least``: alerts that are slighter are not told; ``options``: of detectors, by id."""

    least: str
    options: dict[str, dict[str, Any]]


PRESETS = {
    "balanced": Preset("info", {}),
    "quiet": Preset(
        "medium",
        {
            "discovery.address_scan": {"targets": 100, "fewest": 20, "share_inside": 0.6, "share_outside": 0.9, "certainty": 0.999},
            "discovery.arp_scan": {"targets": 100, "share": 0.6},
            "discovery.port_scan": {"ports": 50, "slow_ports": 100, "share": 0.7},
            "impact.flood": {"flows": 10000, "sources": 80},
            "voice.sip_scan": {"targets": 20, "share": 0.7},
        },
    ),
    "paranoid": Preset(
        "info",
        {
            "discovery.address_scan": {"targets": 25, "window_s": 300, "fewest": 6, "share_inside": 0.25, "certainty": 0.95},
            "discovery.arp_scan": {"targets": 20, "share": 0.25},
            "discovery.port_scan": {"ports": 12, "window_s": 300, "slow_ports": 25, "share": 0.3},
            "impact.flood": {"flows": 1000, "sources": 20},
            "lateral_movement.admin_from_device": {"again_s": 3600},
            "command_and_control.malicious_address": {"again_s": 3600},
            "voice.sip_scan": {"targets": 5, "share": 0.3},
        },
    ),
    "compatible": Preset(
        "info",
        {
            "discovery.address_scan": {"targets": 50, "window_s": 120},
            "discovery.arp_scan": {"targets": 40, "window_s": 360},
            "discovery.port_scan": {"ports": 25, "window_s": 120, "slow_ports": 50, "slow_window_s": 3600},
            "impact.flood": {"flows": 3000},
        },
    ),
}
