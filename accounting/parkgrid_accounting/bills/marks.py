"""What a bill rests on that is estimated or missing, in the words of a line and of the highest demand."""

from collections.abc import Mapping
from dataclasses import dataclass

from parkgrid_accounting.bills.written import Language, local, plain
from parkgrid_domain.tariff.bill import PEAK, Bill, Mark, Marks, Peak

_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Words:
    """The words about marks in one language."""

    heading: str
    """Of the column of marks."""
    estimated: str
    missing: str
    all_good: str
    not_kept: str
    of: Mapping[str, str]
    """What marks are of; any other is the code of a line."""
    peak: str
    estimated_peak: str
    no_good: str
    good_kw: str
    good_peak: str
    unknown_peak: str
    comma: str
    semicolon: str
    colon: str


WORDS: dict[Language, Words] = {
    "zh": Words(
        heading="估算与缺失",
        estimated="估算 {} {}（{} 个时段）",
        missing="缺 {} 个时段，未计入",
        all_good="全部有效",
        not_kept="未记录",
        of={"import": "用电量", "reactive": "无功电量", PEAK: "最大需量"},
        peak="最大需量 {} 千瓦，{}（{} 分钟平均），相应电费 {} 元",
        estimated_peak="出自估算时段",
        no_good="没有有效时段",
        good_kw="有效时段中最大 {} kW",
        good_peak="有效时段中最大 {} 千瓦，{}，相应电费 {} 元",
        unknown_peak="另有 {} 个时段缺失，其需量未知",
        comma="，",
        semicolon="；",
        colon="：",
    ),
    "en": Words(
        heading="estimated, missing",
        estimated="{} {} estimated ({} quarter hours)",
        missing="{} quarter hours missing, not counted",
        all_good="all good",
        not_kept="not recorded",
        of={"import": "import", "reactive": "reactive", PEAK: "maximum demand"},
        peak="maximum demand {} kW at {} (mean of {} minutes), costs {} CNY",
        estimated_peak="from an estimated interval",
        no_good="there is no good interval",
        good_kw="highest of the good intervals {} kW",
        good_peak="highest of the good intervals {} kW at {}, costs {} CNY",
        unknown_peak="{} quarter hours are missing, their demand is not known",
        comma=", ",
        semicolon="; ",
        colon=": ",
    ),
}


def marked(marks: Marks | None, peak: Peak | None, language: Language) -> str:
    """What a line rests on that is estimated or missing; empty where all is good."""
    words = WORDS[language]
    if marks is None:
        return words.not_kept
    told = [(mark.of, _demand(mark, peak, words) if mark.of == PEAK else _energy(mark, words)) for mark in marks]
    named = len(told) > 1 or any(of == PEAK for of, _ in told)
    return words.semicolon.join(f"{words.of.get(of, of)}{words.colon}{text}" if named else text for of, text in told)


def _energy(mark: Mark, words: Words) -> str:
    parts = []
    if mark.estimated_intervals:
        parts.append(words.estimated.format(plain(mark.estimated), mark.unit, mark.estimated_intervals))
    if mark.missing_intervals:
        parts.append(words.missing.format(mark.missing_intervals))
    return words.comma.join(parts)


def _demand(mark: Mark, peak: Peak | None, words: Words) -> str:
    parts = []
    if mark.estimated_intervals:
        good = None if peak is None else peak.good_kw
        parts += [words.estimated_peak, words.no_good if good is None else words.good_kw.format(plain(good))]
    if mark.missing_intervals:
        parts.append(words.unknown_peak.format(mark.missing_intervals))
    return words.comma.join(parts)


def peak_sentence(bill: Bill, peak: Peak, language: Language) -> str:
    """The highest demand and what it rests on; where that is an estimate, the highest of the good intervals too."""
    words, minutes = WORDS[language], peak.window_s // _MINUTE_S
    parts = [words.peak.format(plain(peak.demand_kw), local(bill, peak.at_ms), minutes, plain(peak.cost_cny))]
    if peak.estimated:
        parts.append(words.estimated_peak)
        if peak.good_kw is None or peak.good_at_ms is None or peak.good_cost_cny is None:
            parts.append(words.no_good)
        else:
            good_at = local(bill, peak.good_at_ms)
            parts.append(words.good_peak.format(plain(peak.good_kw), good_at, plain(peak.good_cost_cny)))
    if peak.missing:
        parts.append(words.unknown_peak.format(peak.missing))
    return words.semicolon.join(parts)
