"""Nameplate sums of a scope: known only if every device that takes part has announced its own."""

from parkgrid_accounting.figures.site import Site, SiteDevice

_MODULES, _INVERTER = "rated_power_kwp", "rated_power_kw"


def ratings_of(site: Site, start_ms: int, stop_ms: int) -> dict[str, float]:
    """The ratings that indicators ask for, of the devices that a span asks for."""
    devices = {
        device_class: site.devices_of(device_class, start_ms, stop_ms)
        for device_class in ("pv_inverter", "storage", "charger")
    }
    capacity = _sum(devices["storage"], "capacity_kwh")
    found = {
        "storage_capacity_kwh": capacity,
        "charger_rated_kw": _sum(devices["charger"], _INVERTER),
        "charge_efficiency": _weighted(devices["storage"], "charge_efficiency", "capacity_kwh"),
    }
    return {
        name: value for name, value in (found | _photovoltaics(devices["pv_inverter"])).items() if value is not None
    }


def _photovoltaics(inverters: list[SiteDevice]) -> dict[str, float | None]:
    """The module rating where it is announced, else the inverter's, with the share that is of inverters."""
    each = [device.ratings.get(_MODULES, device.ratings.get(_INVERTER)) for device in inverters]
    if not each or any(rated is None for rated in each):
        return {}
    total = sum(rated for rated in each if rated is not None)
    of_inverters = sum(
        rated for device, rated in zip(inverters, each, strict=True) if _MODULES not in device.ratings and rated
    )
    return {
        "pv_rated_kwp": total,
        "pv_rating_of_inverters_pct": 100 * of_inverters / total if total else 0.0,
        "pv_temperature_coefficient_per_k": _weighted(inverters, "temperature_coefficient_per_k", _INVERTER),
    }


def _sum(devices: list[SiteDevice], rating: str) -> float | None:
    known = [device.ratings[rating] for device in devices if rating in device.ratings]
    return sum(known) if devices and len(known) == len(devices) else None


def _weighted(devices: list[SiteDevice], rating: str, weight: str) -> float | None:
    whole = _sum(devices, weight)
    if not whole or _sum(devices, rating) is None:
        return None
    return sum(device.ratings[rating] * device.ratings[weight] for device in devices) / whole
