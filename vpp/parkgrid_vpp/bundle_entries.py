"""Which entries of the ledger the money of one operator and event rests on."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from parkgrid_domain.vpp.ledger import Entry

_OF_EVENT = ("event", "state", "opt_out", "award", "dispute")
_OF_AWARD = ("frozen", "adjusted", "statement")
_OF_RESOURCE = ("resource", "phase", "eligibility")
_OF_OTHER_EVENT = ("event", "state", "opt_out", "award")


def resting_on(entries: Sequence[Entry], event: str, operator: str) -> list[Entry]:
    """The entries that the statements of an operator for an event rest on, in order.

    Beside the event itself these are the accepted bids, whose highest is the price, the rules, the registry of its
    resources, and the other events in which a load behind one of their accounts was called: such days are no like days.
    A declared loss belongs to every bundle: it says why older bundles show another history.
    """
    awards = {award["award"] for award in _awards(entries, {event}) if award["operator"] == operator}
    winners = {operator, *(award["operator"] for award in _awards(entries, {event}))}
    mine = {
        part["resource"] for award in _awards(entries, {event}) for part in award["parts"] if award["award"] in awards
    }
    accounts = _accounts(entries, mine)
    behind = {entry.subject for entry in entries if entry.kind == "resource" and entry.document["account"] in accounts}
    others = {
        entry.subject
        for entry in entries
        if entry.kind == "award" and entry.subject != event and not behind.isdisjoint(_resources([entry]))
    }
    digests = set(_rules(entries, event))
    named = {*mine, *_resources([each for each in entries if each.kind == "award" and each.subject in others])}
    places = _places(entries, accounts)

    def wanted(entry: Entry) -> bool:
        document, kind, subject = entry.document, entry.kind, entry.subject
        if kind == "loss" or (kind in _OF_EVENT and subject == event):
            return True
        if kind == "bid":
            return subject == event and document["operator"] in winners
        if kind in _OF_AWARD:
            return subject == event and document["award"] in awards
        if kind in _OF_OTHER_EVENT and subject in others:
            return True
        if kind == "contract":
            return document["operator"] == operator and not mine.isdisjoint(document["resources"])
        wanted_subjects = {"rules": digests, "operator": {operator}, "location": places, "resource": named}
        return subject in wanted_subjects.get(kind, mine if kind in _OF_RESOURCE else ())

    return [entry for entry in entries if wanted(entry)]


def _awards(entries: Iterable[Entry], events: Collection[str]) -> list[dict[str, Any]]:
    found = [entry for entry in entries if entry.kind == "award" and entry.subject in events]
    return [award for entry in found for award in entry.document["awards"]]


def _resources(awarding: Iterable[Entry]) -> set[str]:
    return {part["resource"] for entry in awarding for award in entry.document["awards"] for part in award["parts"]}


def _accounts(entries: Iterable[Entry], resources: Collection[str]) -> set[str]:
    """Every account that a resource was ever registered behind."""
    return {each.document["account"] for each in entries if each.kind == "resource" and each.subject in resources}


def _places(entries: Sequence[Entry], accounts: Collection[str]) -> set[str]:
    """The accounts and every place that ever stood above one of them."""
    found = set(accounts)
    while True:
        above = {
            each.document["parent"]
            for each in entries
            if each.kind == "location" and each.subject in found and each.document["parent"] is not None
        }
        if above <= found:
            return found
        found |= above


def _rules(entries: Iterable[Entry], event: str) -> Iterable[str]:
    for entry in entries:
        if entry.kind == "event" and entry.subject == event:
            rules = entry.document["rules"]
            yield from (rules["pack"], *rules["baselines"].values(), *rules["calendars"].values())
