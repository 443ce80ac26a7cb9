"""Quotas: what a birth would take beyond what was agreed, told with the setting that decides it. Pure."""

from collections.abc import Mapping, Sized

from parkgrid_contract.announcement import Birth
from parkgrid_contract.identity import Gateway
from parkgrid_ingest.settings import QuotaSettings


def exceeded(
    quota: QuotaSettings, known: Mapping[Gateway, Mapping[str, object]], gateway: Gateway, birth: Birth
) -> str | None:
    """Why a birth is beyond a quota, given every known gateway with its devices by name; None when it is within."""
    own: Sized = known.get(gateway, {})
    count = len(known.get(gateway, {}).keys() | {each.device for each in birth.devices})
    in_park = {each: devices for each, devices in known.items() if each.park == gateway.park}
    new = count - len(own)
    signals = max((len(each.signals) for each in birth.devices), default=0)
    wanted = (
        ("parks", len({each.park for each in known} | {gateway.park}), quota.parks, not in_park),
        ("gateways_per_park", len(in_park.keys() | {gateway}), quota.gateways_per_park, gateway not in known),
        ("devices_per_gateway", count, quota.devices_per_gateway, new > 0),
        ("devices_per_park", sum(map(len, in_park.values())) + new, quota.devices_per_park, new > 0),
        ("devices", sum(map(len, known.values())) + new, quota.devices, new > 0),
        ("signals_per_device", signals, quota.signals_per_device, True),
    )
    for name, number, most, grows in wanted:
        # What is there already goes on, should a quota be lowered.
        if grows and number > most:
            return f"{number} {name.replace('_', ' ')}, at most {most}: raise [quota] {name} of ingest, or remove some"
    return None
