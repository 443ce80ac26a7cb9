"""What went wrong with a request, as a problem object (RFC 9457): field, value and remedy of every mistake."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from parkgrid_api.http.language import LANGUAGE, told
from parkgrid_contract.refusal import shorten

if TYPE_CHECKING:
    from parkgrid_api.answers.shape import ProblemShape

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a request."""

    field: str
    """Where it stands: the name of a parameter or header."""
    value: str
    """What was given, shortened."""
    remedy: str
    """What would be right."""

    @classmethod
    def of(cls, name: str, value: object, remedy: str) -> "Mistake":
        """A mistake whose value is safe to show and to log."""
        return cls(shorten(name, 64), shorten(value, 100), remedy)


@dataclass(frozen=True, slots=True)
class Problem:
    """The answer to a request that cannot be met."""

    status: int
    title: str
    mistakes: tuple[Mistake, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    type: str = "about:blank"
    """By which a program tells this problem from others of its status."""

    def response(self) -> Response:
        """The HTTP form."""
        document: ProblemShape = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "problems": [
                {"field": mistake.field, "value": mistake.value, "remedy": mistake.remedy} for mistake in self.mistakes
            ],
        }
        headers = {"Cache-Control": "no-store", "Content-Language": LANGUAGE.get(), **self.headers}
        return Response(msgspec.json.encode(document), self.status, headers, MEDIA_TYPE)


class ProblemError(Exception):
    """Carries a `Problem` from where it is seen to the answer."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.title)


def refused(mistakes: list[Mistake]) -> ProblemError:
    """422: the request is understood, but its values are not right."""
    title = told("The request has wrong values.", "请求参数有误。")
    return ProblemError(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, title, tuple(mistakes)))


_NAMES_ZH = {
    "park": "园区",
    "device": "设备",
    "figure": "数值",
    "bill": "账单",
    "cluster": "产业集群",
    "event": "事件",
    "award": "中标结果",
    "resource": "资源",
    "operator": "运营商",
    "entry": "账本条目",
    "statement": "结算单",
    "bundle": "数据包",
    "page": "页面",
}


def not_found(name: str, value: object, remedy: str) -> ProblemError:
    """404: what a path names does not exist."""
    title = told(f"There is no such {name}.", f"没有这样的{_NAMES_ZH.get(name, name)}。")
    return ProblemError(Problem(HTTPStatus.NOT_FOUND, title, (Mistake.of(name, value, remedy),)))


def unavailable(title: str, remedy: str) -> ProblemError:
    """503: the request is right, but this server cannot answer it now."""
    mistake = Mistake("service", "unavailable", remedy)
    return ProblemError(Problem(HTTPStatus.SERVICE_UNAVAILABLE, title, (mistake,), {"Retry-After": "2"}))
