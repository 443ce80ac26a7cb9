"""The rules of an event, read from the texts that the ledger holds: pack, baselines, calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from parkgrid_domain.calendar import Calendar, calendar
from parkgrid_domain.vpp.baseline.rule import BaselineRule, read_rule
from parkgrid_domain.vpp.documents import Event, Rules
from parkgrid_domain.vpp.pack import Pack, read_pack
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.errors import PilotError


@dataclass(frozen=True, slots=True)
class EventRules:
    """What an event is judged by."""

    pack: Pack
    baselines: Mapping[str, BaselineRule]
    """By the name that resources give."""
    calendar: Calendar
    zone: ZoneInfo


def rules_of(pilot: Pilot, event: Event) -> EventRules:
    """The rules of an event. Raises `PilotError` for a text that the ledger lacks, `SettingsError` for a wrong one."""
    pack = _text(pilot, event.rules.pack)
    baselines = {name: _text(pilot, digest) for name, digest in event.rules.baselines.items()}
    years = {f"cn-{year}.toml": _text(pilot, digest).text for year, digest in event.rules.calendars.items()}
    return EventRules(
        read_pack(pack.text, f"{pack.id}.toml"),
        {name: read_rule(each.text, f"{each.id}.toml") for name, each in baselines.items()},
        calendar(years),
        ZoneInfo(event.zone),
    )


def _text(pilot: Pilot, digest: str) -> Rules:
    found = pilot.rules.get(digest)
    if found is None:
        raise PilotError(f"the ledger holds no rules with the digest {digest}: write their text first")
    return found
