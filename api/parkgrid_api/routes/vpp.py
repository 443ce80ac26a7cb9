"""The virtual power plant pilot, read only: headline, funnel, events, awards, resources, operators, ledger."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, get_args

from fastapi import APIRouter, Request, Response

from parkgrid_api.answers.vpp import (
    CapabilityShape,
    Entries,
    EntryWhole,
    EventList,
    OperatorList,
    OperatorSide,
    PilotSummary,
    ResourceList,
)
from parkgrid_api.answers.vpp_event import AwardOrder, EventResource, EventResources, EventWhole
from parkgrid_api.http import parameters
from parkgrid_api.http.language import told
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.http.problems import not_found
from parkgrid_api.routes import vpp_event_examples as of_event
from parkgrid_api.routes import vpp_examples as examples
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services, answer
from parkgrid_api.vpp import entries, event_resources, events, registry
from parkgrid_api.vpp.adjustable import adjustable
from parkgrid_api.vpp.amounts import head, local_day, year_of
from parkgrid_api.vpp.summary import Names, summary
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.documents import PhaseName
from parkgrid_domain.vpp.pilot import EventBook, Pilot

Answer = TypeVar("Answer")
_TAG = "virtual power plant"
_MOST = 10**9
_PHASES = get_args(PhaseName)
EVENT = parameters.path_name("event", "summer-7")
OPERATOR = parameters.path_name("operator", "nanshan-vpp")
RESOURCE = parameters.path_name("resource", "storage-1")
_NUMBER = Parameter(
    "number",
    "Number of an entry, from 1.",
    parameters.whole(1, _MOST),
    {"type": "integer", "minimum": 1, "maximum": _MOST},
    412,
    in_path=True,
)
_AFTER = Parameter(
    "after",
    "Only entries after this number.",
    parameters.whole(0, _MOST),
    {"type": "integer", "minimum": 0, "maximum": _MOST},
    400,
    default=0,
)
SKIP = Parameter(
    "skip",
    "So many at the beginning of the list are left out.",
    parameters.whole(0, _MOST),
    {"type": "integer", "minimum": 0, "maximum": _MOST},
    100,
    default=0,
)
_PHASE = Parameter(
    "phase",
    "Only resources that stand here.",
    parameters.one_of(*_PHASES),
    {"type": "string", "enum": list(_PHASES)},
    "active",
)
PARK = parameters.filter_name("park")
OF_OPERATOR = Parameter(
    "operator",
    "Only resources that this operator may offer today.",
    parameters.identifier,
    OPERATOR.schema,
    "nanshan-vpp",
)
_OF_RESOURCE = Parameter("resource", "Only this resource.", parameters.identifier, RESOURCE.schema, "storage-1")


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room(_TAG)
    for part in (_pilot, _events, _registry):
        router.routes += part(services).routes
    return router


def limit_of(services: Services) -> Parameter:
    """How many of a list are told at once."""
    most = services.settings.limits.page
    schema = {"type": "integer", "minimum": 1, "maximum": most}
    return Parameter("limit", "Most entries of a list.", parameters.whole(1, most), schema, 100, default=100)


async def ask(services: Services, question: Callable[[Pilot, Connection, datetime], Answer]) -> Answer:
    """What a question finds out from the pilot at this instant."""
    now = from_ms(services.clock.now_ms())
    return await services.pilot.ask(lambda pilot, connection: question(pilot, connection, now))


async def park_names(services: Services) -> Names:
    """What the parks are called."""
    parks = await services.registry.parks()
    return {each["park"]: (each["name_zh"] or each["park"], each["name_en"] or each["park"]) for each in parks}


def _pilot(services: Services) -> APIRouter:
    router, limit = room(_TAG), limit_of(services)

    @router.get("/vpp", **described("The pilot now and this year", PilotSummary, examples.SUMMARY))
    async def show_pilot(request: Request) -> Response:
        parameters.read(request, ())
        names = await park_names(services)
        return answer(await ask(services, lambda pilot, _, now: summary(pilot, now, names)))

    chosen = (OF_OPERATOR, _OF_RESOURCE, SKIP, limit)

    @router.get("/vpp/capability", **described("What can be adjusted", CapabilityShape, examples.CAPABILITY, chosen))
    async def show_capability(request: Request) -> Response:
        values = parameters.read(request, chosen)
        names = await park_names(services)

        def question(pilot: Pilot, connection: Connection, now: datetime) -> CapabilityShape:
            only = registry.only(pilot, local_day(now), values["operator"], values["resource"])
            return adjustable(connection, pilot, now, names, only, values["skip"], values["limit"])

        return answer(await ask(services, question))

    listed = (_AFTER, limit)

    @router.get("/vpp/entries", **described("Entries of the ledger, in order", Entries, examples.ENTRIES, listed))
    async def list_entries(request: Request) -> Response:
        values = parameters.read(request, listed)

        def question(pilot: Pilot, connection: Connection, _: datetime) -> Entries:
            return {"head": head(pilot), "entries": entries.after(connection, values["after"], values["limit"])}

        return answer(await ask(services, question))

    @router.get("/vpp/entries/{number}", **described("One entry, whole", EntryWhole, examples.ENTRY, (_NUMBER,)))
    async def show_entry(request: Request) -> Response:
        number = parameters.read(request, (_NUMBER,))["number"]
        found = await ask(services, lambda _, connection, __: entries.one(connection, number))
        return answer(there(found, "entry", number, "/api/v1/vpp/entries"))

    return router


def _events(services: Services) -> APIRouter:
    router, limit = room(_TAG), limit_of(services)
    listed, one, paged = (SKIP, limit), (EVENT, limit), (EVENT, SKIP, limit)
    award, resource = (EVENT, OPERATOR), (EVENT, RESOURCE)

    @router.get("/vpp/events", **described("Events, those that begin last first", EventList, examples.EVENTS, listed))
    async def list_events(request: Request) -> Response:
        values = parameters.read(request, listed)
        return answer(await ask(services, lambda pilot, _, now: _event_list(pilot, values, now)))

    @router.get("/vpp/events/{event}", **described("One event", EventWhole, of_event.EVENT, one))
    async def show_event(request: Request) -> Response:
        values = parameters.read(request, one)

        def question(pilot: Pilot, connection: Connection, now: datetime) -> EventWhole | None:
            book = pilot.events.get(values["event"])
            if book is None:
                return None
            total, newest = entries.of_event(connection, book.event_id, values["limit"])
            return events.whole(pilot, book, newest, total, now)

        return answer(known(await ask(services, question), values))

    @router.get(
        "/vpp/events/{event}/awards/{operator}",
        **described("What an operator is to deliver", AwardOrder, of_event.AWARD, award),
    )
    async def show_award(request: Request) -> Response:
        values = parameters.read(request, award)
        found = await _of_event(services, values, lambda _, book: events.order(book, values["operator"]))
        path = f"/api/v1/vpp/events/{values['event']}"
        return answer(there(found, "award", values["operator"], path))

    @router.get(
        "/vpp/events/{event}/resources",
        **described("The resources of an event, with their money", EventResources, of_event.EVENT_RESOURCES, paged),
    )
    async def list_event_resources(request: Request) -> Response:
        values = parameters.read(request, paged)

        def question(_: Pilot, book: EventBook) -> EventResources:
            total, rows = event_resources.listed(book, values["skip"], values["limit"])
            return {"event": book.event_id, "total": total, "resources": rows}

        return answer(await _of_event(services, values, question))

    @router.get(
        "/vpp/events/{event}/resources/{resource}",
        **described("One resource of an event", EventResource, of_event.EVENT_RESOURCE, resource),
    )
    async def show_event_resource(request: Request) -> Response:
        values = parameters.read(request, resource)
        name = values["resource"]
        found = await _of_event(services, values, lambda pilot, book: event_resources.one(pilot, book, name))
        return answer(there(found, "resource", name, f"/api/v1/vpp/events/{values['event']}/resources"))

    return router


def _registry(services: Services) -> APIRouter:
    router, limit = room(_TAG), limit_of(services)
    resources, operators, side = (PARK, OF_OPERATOR, _PHASE, SKIP, limit), (SKIP, limit), (OPERATOR, SKIP, limit)

    @router.get("/vpp/resources", **described("Resources of the pilot", ResourceList, examples.RESOURCES, resources))
    async def list_resources(request: Request) -> Response:
        values = parameters.read(request, resources)

        def question(pilot: Pilot, _: Connection, now: datetime) -> ResourceList:
            day = local_day(now)
            names = registry.chosen(pilot, day, values["park"], values["operator"], values["phase"])
            found = [registry.resource(pilot, each, day) for each in page_of(names, values)]
            return {"head": head(pilot), "total": len(names), "resources": found}

        return answer(await ask(services, question))

    @router.get("/vpp/operators", **described("Operators", OperatorList, examples.OPERATORS, operators))
    async def list_operators(request: Request) -> Response:
        values = parameters.read(request, operators)

        def question(pilot: Pilot, _: Connection, now: datetime) -> OperatorList:
            names = sorted(pilot.operators)
            found = [registry.operator_short(pilot, each, now) for each in page_of(names, values)]
            return {"head": head(pilot), "year": year_of(now), "total": len(names), "operators": found}

        return answer(await ask(services, question))

    @router.get(
        "/vpp/operators/{operator}", **described("An operator's own side", OperatorSide, examples.OPERATOR, side)
    )
    async def show_operator(request: Request) -> Response:
        values = parameters.read(request, side)
        name = values["operator"]

        def question(pilot: Pilot, _: Connection, now: datetime) -> OperatorSide | None:
            known = name in pilot.operators
            return registry.operator_side(pilot, name, now, values["skip"], values["limit"]) if known else None

        return answer(there(await ask(services, question), "operator", name, "/api/v1/vpp/operators"))

    return router


def _event_list(pilot: Pilot, values: Mapping[str, Any], now: datetime) -> EventList:
    books = sorted(pilot.events.values(), key=lambda book: (book.event.from_, book.published.number), reverse=True)
    found = [events.short(book) for book in page_of(books, values)]
    return {"as_of_ms": to_ms(now), "head": head(pilot), "total": len(books), "events": found}


async def _of_event(
    services: Services, values: Mapping[str, Any], question: Callable[[Pilot, EventBook], Answer]
) -> Answer:
    """What a question finds out about the event of a request; a 404 without such an event."""

    def asked(pilot: Pilot, _: Connection) -> tuple[Answer] | None:
        book = pilot.events.get(values["event"])
        return None if book is None else (question(pilot, book),)

    (found,) = known(await services.pilot.ask(asked), values)
    return found


def known(found: Answer | None, values: Mapping[str, Any]) -> Answer:
    """What was found out about the event of a request; a 404 without such an event."""
    return there(found, "event", values["event"], "/api/v1/vpp/events")


def there(found: Answer | None, name: str, value: object, path: str) -> Answer:
    """What was found; a 404 where it is None."""
    if found is None:
        raise not_found(name, value, told(f"see {path} for those that exist", f"现有的见 {path}"))
    return found


def page_of(listed: Sequence[Answer], values: Mapping[str, Any]) -> Sequence[Answer]:
    """The part of a list that a request asks for."""
    return listed[values["skip"] : values["skip"] + values["limit"]]
