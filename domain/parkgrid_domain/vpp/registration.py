"""Why something may not be registered: for each mistake its field, and what to do, in English and Chinese."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from parkgrid_domain.vpp.baseline.rule import published
from parkgrid_domain.vpp.documents import ZERO, Contract, Location, Operator, Phase, Resource
from parkgrid_domain.vpp.pilot import Pilot

Registered: TypeAlias = Operator | Location | Resource | Contract | Phase
_LEVELS = ("station", "line", "transformer", "account")
_PHASES = ("registered", "documents", "joint_test", "announced", "active")
_HUNDRED = 100
_OWN_METER = ("storage", "v2g")
"""What settles on its own meter, with a baseline of zero."""
_SIGNS = {
    "energy_import_kwh": (1, ""),
    "energy_charged_kwh": (1, ""),
    "energy_delivered_kwh": (1, ""),
    "energy_export_kwh": (-1, "energy_import_kwh"),
    "energy_discharged_kwh": (-1, "energy_charged_kwh"),
    "energy_returned_kwh": (-1, "energy_delivered_kwh"),
}
"""How what settles on its own meter counts its registers, and what must be counted with each."""
_MOST_TERMS = 500
"""Registers of one formula. An event reads each of them over the days of a baseline: one resource must not fill it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why a document may not be written."""

    field: str
    """Of the document; `meter[2].register` is a part of a list; empty: its identifier."""
    en: str
    zh: str


def reasons(pilot: Pilot, subject: str, document: Registered) -> Iterator[Reason]:
    """Everything that speaks against registering a document; nothing: it may be written."""
    match document:
        case Location():
            yield from _location(pilot, subject, document)
        case Resource():
            yield from _resource(pilot, document)
        case Contract():
            yield from _contract(pilot, subject, document)
        case Phase():
            yield from _phase(pilot, subject, document)


def _location(pilot: Pilot, subject: str, place: Location) -> Iterator[Reason]:
    yield from _place_above(pilot, place)
    if (place.level == "account") != (place.park is not None):
        yield Reason("park", "an account, and only an account, names its park", "户必须写明园区，其他层级不写园区")
    if place.limit_w is not None and place.level != "transformer":
        yield Reason("limit_w", "only a transformer has a limit", "只有变压器才有限额")
    if place.provenance == "verified" and not place.evidence:
        yield Reason(
            "evidence",
            "a verified place names the document that verifies it, in `evidence`",
            "已核实的位置必须写明证明文件",
        )
    known = pilot.locations.get(subject)
    if known is not None and known.level != place.level:
        yield Reason(
            "level",
            f"{subject} is registered as {_one(known.level)}: give the {place.level} another identifier",
            f"{subject} 已登记为 {known.level}：请换一个编号",
        )


def _place_above(pilot: Pilot, place: Location) -> Iterator[Reason]:
    depth = _LEVELS.index(place.level)
    level = _LEVELS[max(0, depth - 1)]
    above = None if place.parent is None else pilot.locations.get(place.parent)
    if place.parent is None and depth:
        yield Reason(
            "parent",
            f"{_one(place.level)} has {_one(level)} above it: give `parent`",
            f"{place.level} 的上级是 {level}：请填写",
        )
    elif place.parent is not None and above is None:
        yield Reason(
            "parent",
            f"the place {place.parent} is not known: register it first",
            f"位置 {place.parent} 未登记：请先登记",
        )
    elif above is not None and (depth == 0 or above.level != level):
        what = f"lies under {_one(level)}" if depth else "has nothing above it"
        yield Reason(
            "parent",
            f"{_one(place.level)} {what}; {place.parent} is {_one(above.level)}",
            f"{place.parent} 是 {above.level}，不能作为 {place.level} 的上级",
        )


def _one(level: str) -> str:
    return f"an {level}" if level == "account" else f"a {level}"


def _resource(pilot: Pilot, resource: Resource) -> Iterator[Reason]:
    account = pilot.locations.get(resource.account)
    if account is None or account.level != "account":
        yield Reason(
            "account",
            f"{resource.account} is not a registered account: register the place first",
            f"{resource.account} 不是已登记的户：请先登记该位置",
        )
    elif account.park != resource.park:
        yield Reason(
            "park",
            f"the account {resource.account} is of the park {account.park}, the resource of {resource.park}",
            f"户 {resource.account} 属于园区 {account.park}，资源却属于 {resource.park}",
        )
    yield from _meter(resource)
    if resource.baseline == ZERO:
        yield from _own_meter(resource)
    if resource.kind in _OWN_METER and resource.baseline != ZERO:
        yield Reason(
            "baseline",
            f"a resource of kind {resource.kind} settles on its own meter: its baseline is {ZERO!r}",
            f"{resource.kind} 按自身电表结算：基线应为 {ZERO}",
        )
    elif resource.baseline not in known_baselines(pilot):
        names = ", ".join(sorted(known_baselines(pilot)))
        yield Reason(
            "baseline",
            f"there is no baseline {resource.baseline!r}: {names}",
            f"没有基线“{resource.baseline}”：{names}",
        )


def _own_meter(resource: Resource) -> Iterator[Reason]:
    """Against a baseline of zero everything is paid that the formula counts: so only storage, and both directions."""
    if resource.kind not in _OWN_METER:
        yield Reason(
            "baseline",
            f"{ZERO!r} is for storage and v2g: what is drawn anyway by a resource of kind {resource.kind} would be"
            " paid; name a baseline",
            f"{ZERO} 仅用于 storage 和 v2g：否则 {resource.kind} 的日常用电也会被付费；请填写基线",
        )
        return
    counted = {each.register for each in resource.meter}
    for place, each in enumerate(resource.meter):
        device, _, signal = each.register.rpartition("/")
        sign, beside = _SIGNS.get(signal, (each.sign, ""))
        if each.sign != sign:
            yield Reason(
                f"meter[{place}].sign",
                f"{signal} of a {resource.kind} counts with {sign:+d}: what is drawn +1, what is given back -1",
                f"{resource.kind} 的 {signal} 符号应为 {sign:+d}：用电为 +1，放电为 -1",
            )
        if beside and f"{device}/{beside}" not in counted:
            yield Reason(
                f"meter[{place}].register",
                f"{signal} stands in `meter` without {device}/{beside}: what is drawn in between must count too",
                f"有 {signal} 却没有 {device}/{beside}：期间的用电也必须计入",
            )


def known_baselines(pilot: Pilot) -> frozenset[str]:
    """The names that a resource may give as its baseline: `zero`, those that ship, those in the ledger."""
    return _shipped() | {each.id for each in pilot.rules.values() if each.type == "baseline"}


@cache
def _shipped() -> frozenset[str]:
    return frozenset({ZERO, *published()})


def _meter(resource: Resource) -> Iterator[Reason]:
    if not resource.meter:
        yield Reason(
            "meter", "a resource names the registers that measure it, in `meter`", "资源必须写明计量它的电表读数"
        )
    if len(resource.meter) > _MOST_TERMS:
        yield Reason(
            "meter",
            f"`meter` names {len(resource.meter)} registers: at most {_MOST_TERMS}; register several resources",
            f"计量公式含 {len(resource.meter)} 个读数：最多 {_MOST_TERMS} 个；请登记为多个资源",
        )
    seen: set[str] = set()
    for place, each in enumerate(resource.meter):
        where = f"meter[{place}].register"
        if each.register in seen:
            yield Reason(
                where,
                "a register stands twice in `meter`: it would be counted twice",
                "同一读数出现两次：会被重复计算，请只保留一次",
            )
        if not each.register.startswith(f"{resource.park}/"):
            yield Reason(
                where,
                f"every register of `meter` belongs to the park {resource.park}",
                f"每个读数都必须属于园区 {resource.park}",
            )
        seen.add(each.register)


def _contract(pilot: Pilot, subject: str, contract: Contract) -> Iterator[Reason]:
    if contract.operator not in pilot.operators:
        yield Reason(
            "operator",
            f"the operator {contract.operator} is not registered",
            f"运营商 {contract.operator} 未登记：请先登记",
        )
    if contract.valid_to is not None and contract.valid_to <= contract.valid_from:
        yield Reason(
            "valid_to",
            f"valid_to is the first day after validity: it must be later than {contract.valid_from}",
            f"失效日是有效期后的第一天，必须晚于 {contract.valid_from}",
        )
    for place, name in enumerate(contract.resources):
        known = pilot.resources.get(name)
        if known is None or known.account != contract.account:
            yield Reason(
                f"resources[{place}]",
                f"{name} is not a resource of the account {contract.account}",
                f"{name} 不是户 {contract.account} 的资源",
            )
    yield from _shares(contract)
    yield from _bound(pilot, subject, contract)


def _shares(contract: Contract) -> Iterator[Reason]:
    for field, what, what_zh, operator, user in (
        ("user_pct", "payment", "收益", contract.operator_pct, contract.user_pct),
        ("penalty_user_pct", "penalty", "罚款", contract.penalty_operator_pct, contract.penalty_user_pct),
    ):
        if operator + user != _HUNDRED:
            yield Reason(
                field,
                f"the shares of {what} are {operator} and {user} per cent: together they must be 100",
                f"{what_zh}份额为 {operator} % 和 {user} %：合计必须为 100 %",
            )


def _bound(pilot: Pilot, subject: str, contract: Contract) -> Iterator[Reason]:
    for name in sorted(pilot.bound.get(contract.account, ())):
        other = pilot.contracts[name]
        same = name != subject and other.account == contract.account and other.type == contract.type
        if same and other.operator != contract.operator and _overlap(contract, other):
            yield Reason(
                "operator",
                f"the account {contract.account} is bound to {other.operator} by the contract {name} of type"
                f" {other.type} from {other.valid_from} to {other.valid_to or 'open end'}: an account has one operator"
                " of a type",
                f"户 {contract.account} 已由合同 {name}（{other.type}，{other.valid_from} 起）"
                f"与 {other.operator} 签约：同一类型一户只能有一个运营商",
            )


def _overlap(one: Contract, other: Contract) -> bool:
    return (other.valid_to is None or one.valid_from < other.valid_to) and (
        one.valid_to is None or other.valid_from < one.valid_to
    )


def _phase(pilot: Pilot, subject: str, phase: Phase) -> Iterator[Reason]:
    if subject not in pilot.resources:
        yield Reason("", f"the resource {subject} is not registered", f"资源 {subject} 未登记：请先登记")
        return
    now = pilot.phase(subject)
    allowed = ", ".join(next_phases(now))
    if phase.phase not in next_phases(now):
        yield Reason(
            "phase",
            f"{subject} is {now or 'not yet registered for the pilot'}: next may be {allowed or 'nothing'}",
            f"{subject} 当前为 {now or '未登记'}：下一阶段只能是 {allowed or '无'}",
        )
    steps = pilot.phases.get(subject)
    if steps and phase.on < steps[-1].on:
        yield Reason(
            "on",
            f"{subject} has been {now} since {steps[-1].on}: {phase.on} lies before it",
            f"{subject} 自 {steps[-1].on} 起为 {now}：{phase.on} 早于该日",
        )


def next_phases(now: str) -> tuple[str, ...]:
    """The phases that may follow one; empty text: before the first."""
    if now == "left":
        return ()
    if not now:
        return ("registered",)
    if now == "active":
        return ("suspended", "left")
    if now == "suspended":
        return ("active", "left")
    return (_PHASES[_PHASES.index(now) + 1], "left")
