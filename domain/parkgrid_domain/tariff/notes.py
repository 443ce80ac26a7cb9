"""What a bill tells its reader besides its lines, in both languages."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from parkgrid_domain.tariff.bill import Note, Peak, Terms
from parkgrid_domain.tariff.month import MonthPlan
from parkgrid_domain.tariff.usage import QUARTER_S, Quarters, Usage

_DAYS_NAMED = 3
_MINUTE_S = 60
_NAMES_ZH = {"import": "用电量", "reactive": "无功电量", "v2g": "车网互动 V2G 电量"}


def notes(
    month: MonthPlan, usage: Usage, terms: Terms, through_ms: int, unpriced: int, peak: Peak | None
) -> Iterator[Note]:
    """Everything that is to be told; what stands in the way of closing is marked."""
    plan, period = month.plan, month.period
    if through_ms < period.end_ms:
        yield Note(
            "month_open", "本月尚未结束，账单仅计至当前。", "The month is not over: counted so far.", blocks=True
        )
    yield from _coverage(usage, month, terms)
    if peak is not None and peak.estimated:
        yield _estimated_peak(peak)
    if unpriced:
        yield Note(
            "price_missing",
            f"{unpriced} 个时段没有价格，其电量未计费。",
            f"No price is known for {unpriced} quarter hours with energy; that energy is not charged yet.",
            blocks=True,
        )
    if not plan.valid_in(period.first, period.end):
        until = plan.valid_to or "…"
        yield Note(
            "plan_not_valid",
            f"方案有效期为 {plan.valid_from} 至 {until}（不含），不覆盖本月。",
            f"The plan is valid from {plan.valid_from} until {until} (excluded), not in all of this month.",
            blocks=True,
        )
    if plan.example:
        yield Note("example_plan", "示例方案，不代表现行电价。", "An example plan, not necessarily valid today.")
    yield from _weather(month)
    yield from _coarse(usage)


def _coverage(usage: Usage, month: MonthPlan, terms: Terms) -> Iterator[Note]:
    minimum = month.plan.minimum_coverage_pct
    if not usage.imported.registers:
        yield Note(
            "no_register",
            "该户没有电度表计数。",
            "No energy register is known for the account: name the account in the metering point of its meter.",
            blocks=True,
        )
    wants_power_factor = month.plan.power_factor_adjustment and terms.power_factor_standard is not None
    if wants_power_factor and not usage.reactive.registers:
        yield Note(
            "no_reactive_register",
            "没有无功电量计数，未计算力调电费。",
            "No reactive register: the power-factor adjustment is not computed.",
            blocks=True,
        )
    groups = {"import": usage.imported, "reactive": usage.reactive if wants_power_factor else None}
    groups |= {each.code: usage.fed_in.get((each.device_class, each.signal)) for each in month.plan.feed_in}
    for name, group in groups.items():
        if group is not None and group.registers:
            yield from _coverage_of(name, _NAMES_ZH.get(name, name), group, minimum)


def _coverage_of(name: str, name_zh: str, group: Quarters, minimum: Decimal) -> Iterator[Note]:
    missing = group.expected - group.known_count
    pct = group.coverage_pct
    if missing:
        low = pct < minimum
        yield Note(
            f"missing_{name}",
            f"{name_zh}：缺 {missing} 个时段，完整率 {pct}%（最低 {minimum}%），缺失时段未计费。",
            f"{name}: {missing} quarter hours are missing, coverage {pct} % (minimum {minimum} %); not charged.",
            blocks=low,
        )
    if group.estimated_count:
        amount = f"{Decimal(group.estimated_wh) / 1000} {'kvarh' if name == 'reactive' else 'kWh'}"
        yield Note(
            f"estimated_{name}",
            f"{name_zh}：{group.estimated_count} 个时段为估算值，共 {amount}。",
            f"{name}: {group.estimated_count} quarter hours are estimated, {amount} in all.",
        )


def _estimated_peak(peak: Peak) -> Note:
    good_zh = "没有有效时段" if peak.good_kw is None else f"有效时段中的最大值为 {peak.good_kw} kW"
    good_en = "there is no good interval" if peak.good_kw is None else f"the highest good one has {peak.good_kw} kW"
    return Note(
        "estimated_peak",
        f"最大需量 {peak.demand_kw} kW 出自估算时段；{good_zh}。",
        f"The maximum demand of {peak.demand_kw} kW is from an estimated interval; {good_en}.",
    )


def _weather(month: MonthPlan) -> Iterator[Note]:
    if month.hot_days:
        days = _some(month.hot_days)
        yield Note("hot_days", f"高温日 {len(month.hot_days)} 天：{days}。", f"{len(month.hot_days)} hot days: {days}.")
    if month.unknown_days:
        number, days = len(month.unknown_days), _some(month.unknown_days)
        yield Note(
            "forecast_missing",
            f"{number} 天没有最高气温预报记录，按普通日计：{days}。",
            f"No forecast on record for {number} days, taken as ordinary: {days}.",
        )


def _coarse(usage: Usage) -> Iterator[Note]:
    coarsest = max(usage.imported.coarsest_period_s, *(each.coarsest_period_s for each in usage.fed_in.values()), 0)
    if coarsest > QUARTER_S:
        minutes = coarsest // _MINUTE_S
        yield Note(
            "coarse_registers",
            f"电表间隔为 {minutes} 分钟：时段内电量平均分摊，需量按 {minutes} 分钟计。",
            f"Registers report every {minutes} minutes: their energy is spread evenly over the bands inside, and "
            f"demand is the mean of {minutes} minutes.",
        )


def _some(days: Sequence[date]) -> str:
    shown = ", ".join(map(str, days[:_DAYS_NAMED]))
    return f"{shown}, …" if len(days) > _DAYS_NAMED else shown
