"""What a running event shows by minute, how soon and how well events are answered, and disputes; read only."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from parkgrid_api.answers.vpp import EventEntries
from parkgrid_api.answers.vpp_accuracy import Accuracy, DisputeList
from parkgrid_api.answers.vpp_live import EventLive, EventResourceLive, EventResponses
from parkgrid_api.http import parameters
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.routes import vpp_live_examples as examples
from parkgrid_api.routes.describe import described, room
from parkgrid_api.routes.vpp import EVENT, RESOURCE, SKIP, ask, known, limit_of, park_names, there
from parkgrid_api.services import Services, answer
from parkgrid_api.vpp import entries
from parkgrid_api.vpp.accuracy import accuracy, disputes
from parkgrid_api.vpp.amounts import head
from parkgrid_api.vpp.live import LiveEvents, event_live, event_responses, resource_live
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_vpp.responses import MOST_RESOURCES

Answer = TypeVar("Answer")
_TAG = "virtual power plant"
Question = Callable[[Pilot, Connection, EventBook, datetime], Answer]
_FEW = Parameter(
    "limit",
    "Most resources of the answer: it looks at every minute of each.",
    parameters.whole(1, MOST_RESOURCES),
    {"type": "integer", "minimum": 1, "maximum": MOST_RESOURCES},
    MOST_RESOURCES,
    default=MOST_RESOURCES,
)


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room(_TAG)
    for part in (_running, _looking_back):
        router.routes += part(services).routes
    return router


def _running(services: Services) -> APIRouter:
    router, limit, read = room(_TAG), limit_of(services), LiveEvents()
    listed, one, few = (EVENT, SKIP, limit), (EVENT, RESOURCE), (EVENT, SKIP, _FEW)

    @router.get("/vpp/events/{event}/live", **described("An event by minute", EventLive, examples.LIVE, listed))
    async def show_live(request: Request) -> Response:
        values = parameters.read(request, listed)

        def question(pilot: Pilot, connection: Connection, book: EventBook, now: datetime) -> EventLive:
            minutes = read.of(connection, pilot, book, now)
            return event_live(pilot, book, minutes, values["skip"], values["limit"])

        return answer(await _of_event(services, values, question))

    @router.get(
        "/vpp/events/{event}/resources/{resource}/live",
        **described("One resource of an event by minute", EventResourceLive, examples.RESOURCE_LIVE, one),
    )
    async def show_resource_live(request: Request) -> Response:
        values = parameters.read(request, one)
        name = values["resource"]

        def question(pilot: Pilot, connection: Connection, book: EventBook, now: datetime) -> EventResourceLive | None:
            return resource_live(connection, pilot, book, name, now)

        path = f"/api/v1/vpp/events/{values['event']}/resources"
        return answer(there(await _of_event(services, values, question), "resource", name, path))

    @router.get(
        "/vpp/events/{event}/responses",
        **described("How soon an event was answered", EventResponses, examples.RESPONSES, few),
    )
    async def list_responses(request: Request) -> Response:
        values = parameters.read(request, few)

        def question(pilot: Pilot, connection: Connection, book: EventBook, now: datetime) -> EventResponses:
            return event_responses(connection, pilot, book, now, values["skip"], values["limit"])

        return answer(await _of_event(services, values, question))

    return router


def _looking_back(services: Services) -> APIRouter:
    router, limit = room(_TAG), limit_of(services)
    listed, of_event = (SKIP, limit), (EVENT, SKIP, limit)

    @router.get(
        "/vpp/accuracy", **described("How good forecasts and responses are", Accuracy, examples.ACCURACY, listed)
    )
    async def show_accuracy(request: Request) -> Response:
        values = parameters.read(request, listed)
        names = await park_names(services)

        def question(pilot: Pilot, connection: Connection, now: datetime) -> Accuracy:
            return accuracy(connection, pilot, now, names, values["skip"], values["limit"])

        return answer(await ask(services, question))

    @router.get("/vpp/disputes", **described("Disputes, open ones first", DisputeList, examples.DISPUTES, listed))
    async def list_disputes(request: Request) -> Response:
        values = parameters.read(request, listed)
        return answer(await ask(services, lambda pilot, _, __: disputes(pilot, values["skip"], values["limit"])))

    @router.get(
        "/vpp/events/{event}/entries",
        **described("Entries about an event, the newest first", EventEntries, examples.EVENT_ENTRIES, of_event),
    )
    async def list_event_entries(request: Request) -> Response:
        values = parameters.read(request, of_event)

        def question(pilot: Pilot, connection: Connection, book: EventBook, _: datetime) -> EventEntries:
            total, found = entries.of_event(connection, book.event_id, values["limit"], values["skip"])
            return {"head": head(pilot), "event": book.event_id, "total": total, "entries": found}

        return answer(await _of_event(services, values, question))

    return router


async def _of_event(services: Services, values: Mapping[str, Any], question: Question[Answer]) -> Answer:
    def asked(pilot: Pilot, connection: Connection, now: datetime) -> tuple[Answer] | None:
        book = pilot.events.get(values["event"])
        return None if book is None else (question(pilot, connection, book, now),)

    (found,) = known(await ask(services, asked), values)
    return found
