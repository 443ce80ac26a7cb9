"""Files of the pilot, read only: a statement as PDF and workbook, the bundle of an operator and event."""

from fastapi import APIRouter, Request, Response

from parkgrid_api.http import parameters
from parkgrid_api.http.language import LANGUAGE
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.routes.describe import described_file, room
from parkgrid_api.routes.vpp import EVENT, OPERATOR
from parkgrid_api.services import Services
from parkgrid_api.vpp.downloads import Form
from parkgrid_contract.time import from_ms

_STATEMENT = parameters.path_name("statement", "summer-7-nanshan-vpp-1")
_LANG = Parameter(
    "lang",
    "Language of the file; without it that of the request.",
    parameters.one_of("en", "zh"),
    {"type": "string", "enum": ["en", "zh"]},
    "zh",
)
_FORMS: dict[Form, tuple[str, str]] = {
    "pdf": ("A statement as PDF", "application/pdf"),
    "xlsx": ("A statement as a workbook", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("virtual power plant: files")
    for form in _FORMS:
        _add_statement(router, services, form)
    named = (EVENT, OPERATOR)
    described = described_file("What a statement rests on, to be recomputed; unsigned", "application/zip", named)

    @router.get("/vpp/events/{event}/bundles/{operator}", **described)
    async def show_bundle(request: Request) -> Response:
        values = parameters.read(request, named)
        event, operator = values["event"], values["operator"]
        content = await services.downloads.bundle(event, operator, from_ms(services.clock.now_ms()))
        return _file(content, f"{event}-{operator}.bundle", "application/zip")

    return router


def _add_statement(router: APIRouter, services: Services, form: Form) -> None:
    summary, media_type = _FORMS[form]
    named = (_STATEMENT, _LANG)

    @router.get(f"/vpp/statements/{{statement}}/{form}", **described_file(summary, media_type, named))
    async def show_statement(request: Request) -> Response:
        values = parameters.read(request, named)
        name, language = values["statement"], values["lang"] or LANGUAGE.get()
        content = await services.downloads.statement(name, form, language)
        return _file(content, f"{name}.{form}", media_type)


def _file(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type=media_type)
