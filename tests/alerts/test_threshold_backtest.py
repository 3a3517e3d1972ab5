"""Backtest of thresholds, with the options of the detectors."""

from __future__ import annotations

from typing import Any

from sensor.alerts.threshold_backtest import (
    LOWERED,
    NOT_IN_ALERTS,
    SEVERITY_ONLY,
    TIME,
    Effect,
    Settings,
    backtested,
    least_backtested,
    reason_of,
)
from sensor.config import detector_units
from sensor.core.alert import Severity
from sensor.core.model_schema import pydantic_model

SCAN = "discovery.port_scan"
# Thresholds whose alerts do not hold a value that only they limit: several options decide together, another test also
# raises the alert, or the number is an estimate.
TOGETHER = """
    command_and_control.dns_tunnel.names command_and_control.dns_tunnel.texts command_and_control.dns_tunnel.strange
    command_and_control.dns_tunnel.slow_names command_and_control.icmp_tunnel.packets
    command_and_control.icmp_tunnel.other_answers command_and_control.icmp_tunnel.both
    command_and_control.icmp_tunnel.volume command_and_control.icmp_tunnel.sizes
    command_and_control.icmp_tunnel.contents
    credential_access.asrep_roasting.accounts credential_access.password_spraying.accounts
    credential_access.rogue_router.flood device.http_errors.share device.new.crowd device.rpc_errors.share
    discovery.address_scan.targets discovery.admin_hunt.hosts discovery.distributed_scan.sources
    discovery.name_query_burst.names discovery.name_query_burst.slow_names discovery.name_query_burst.day_names
    discovery.rpc_endpoint_scan.hosts discovery.rpc_endpoint_scan.lookups discovery.rpc_endpoint_scan.admin_hosts
    discovery.smb_enumeration.translations exfiltration.bulk_upload.deviations impact.flood.sources
    impact.reflected_flood.answers impact.reflected_flood.servers impact.reflected_flood.pinged
    impact.reflected_flood.handshakes
    impact.reflected_flood.repeated impact.reflected_flood.silent lateral_movement.vlan_hopping.frames
    voice.registration_guessing.extensions
""".split()


def settings(detector: str, **new: Any) -> dict[str, Settings]:
    unit = detector_units()[detector]
    return {detector: Settings(unit, unit.Options(), unit.Options(**new))}


def alert(detector: str = SCAN, severity: str = "medium", **numbers: Any) -> dict[str, Any]:
    return {"severity": severity, "alert": {"id": "alert-1", "detector": detector, "numbers": numbers}}


def effect(one: dict[str, Any], **new: Any) -> Effect | None:
    """The effect of one changed option on an alert."""
    [found] = backtested(settings(one["alert"]["detector"], **new), [one])
    return next((effect for effect, some in found.alerts.items() if some), None)


def test_a_raised_threshold_silences_what_stays_below_it() -> None:
    assert effect(alert(failed=30, threshold=25), ports=40) == Effect.SILENCED
    assert effect(alert(failed=40, threshold=25), ports=40) == Effect.KEPT
    assert effect(alert("command_and_control.malicious_address", failed=30, threshold=25), enabled=False)


def test_an_alert_of_another_option_is_not_concerned() -> None:
    assert effect(alert(failed=60, threshold=50), ports=80) is None
    assert effect(alert(names=60), ports=80) is None


def test_what_cannot_be_known_is_unknown() -> None:
    assert effect(alert(failed=55, threshold=25), ports=60) == Effect.UNKNOWN  # the slow threshold is 50
    assert effect(alert(failed=30, threshold=30), ports=40) == Effect.UNKNOWN  # raised with other options
    assert effect(alert(failed=20, threshold=25), ports=40) == Effect.UNKNOWN  # raised for another reason
    assert effect(alert(failed="many", threshold=25), ports=40) is None


def test_a_lowered_threshold_and_other_options_have_a_reason() -> None:
    reasons = {"ports": (10, LOWERED), "window_s": (60, TIME), "share": (0.9, NOT_IN_ALERTS)}
    for option, (value, reason) in reasons.items():
        [found] = backtested(settings(SCAN, **{option: value}), [alert(failed=30, threshold=25)])
        assert found.change.unknown == reason
        assert not any(found.alerts.values())


def test_the_least_severity_of_reports() -> None:
    records = [alert(severity=severity) for severity in ("low", "medium", "high")]
    raised = least_backtested(Severity.info, Severity.medium, records)
    assert raised is not None
    assert [len(raised.alerts[one]) for one in (Effect.SILENCED, Effect.KEPT)] == [1, 2]
    lowered = least_backtested(Severity.medium, Severity.info, records)
    assert lowered is not None
    assert lowered.change.unknown
    assert least_backtested(Severity.low, Severity.low, records) is None


def test_every_threshold_can_be_backtested_or_is_listed() -> None:
    undecided = {
        f"{detector}.{name}"
        for detector, unit in detector_units().items()
        for name, option in pydantic_model(unit.Options).model_fields.items()
        if name not in unit.decisive and str(option.description).startswith("threshold")
        and reason_of(name, str(option.description)) != SEVERITY_ONLY
    }  # fmt: skip
    assert undecided == set(TOGETHER)


def test_decisive_options_are_numbers() -> None:
    """That alerts have the numbers of ``decisive`` is asserted wherever a test raises some (``backtestable``)."""
    kinds = {
        pydantic_model(unit.Options).model_fields[option].annotation
        for unit in detector_units().values()
        for option in unit.decisive
    }
    assert kinds == {int, float}
