"""Device descriptions in JSON over HTTP, as vendors document them: players with Google Cast, Samsung TVs, Hue bridges,
Shelly devices.
"""

from __future__ import annotations

from sensor.core.words import Words
from sensor.dissectors.shared.json_values import Object, inner, text
from sensor.dissectors.shared.upnp import Description

# Each of these descriptions has one of these words; most other JSON has none.
JSON_WORDS = Words(b'"model_name"', b'"samsung ', b'"bridgeid"', b'"fw_id"', b'"fw":"')
SAMSUNG, TV = "Samsung ", "SmartTV"
HUE = "BSB"  # models of Signify; programs that imitate a bridge have others
SHELLY = ("SH", "SN", "SP", "S3", "S4")  # models of four generations


def describe_json(value: Object) -> Description | None:
    """The object's statements about its sender; None if the format is unknown or has no usable data."""
    for standard, read in (("cast", _cast), ("samsung", _samsung), ("hue", _hue), ("shelly", _shelly)):
        if any(pairs := read(value)):
            kinds = (
                "http.device_vendor",
                "http.device_model",
                "http.device_firmware",
                "http.device_name",
                "http.is_tv",
            )
            return Description(standard, tuple((kind, pair) for kind, pair in zip(kinds, pairs, strict=False) if pair))
    return None


def _cast(value: Object) -> tuple[str, ...]:
    """``/setup/eureka_info``."""
    info = inner(value, "device_info")
    model = text(info, "model_name")
    return (text(info, "manufacturer"), model, "", text(value, "name")) if model else ()


def _samsung(value: Object) -> tuple[str, ...]:
    """``/api/v2/`` of TVs and frames."""
    device = inner(value, "device")
    kind = text(device, "type")
    if not kind.startswith(SAMSUNG):
        return ()
    return "Samsung", text(device, "modelName"), "", text(device, "name"), "true" if TV in kind else ""


def _hue(value: Object) -> tuple[str, ...]:
    """``/api/config`` of a bridge."""
    model = text(value, "modelid")
    if not (model.startswith(HUE) and text(value, "bridgeid")):
        return ()
    return "Philips Hue", model, text(value, "swversion"), text(value, "name")


def _shelly(value: Object) -> tuple[str, ...]:
    """``/shelly``: the first generation has the version behind the date of its build."""
    if text(value, "fw_id") and (model := text(value, "model")).startswith(SHELLY):
        return "Shelly", model, text(value, "ver"), text(value, "name")
    if (model := text(value, "type")).startswith(SHELLY) and (build := text(value, "fw")):
        return "Shelly", model, build.partition("/v")[2].partition("-")[0]
    return ()
