"""Why a figure is not available, in Chinese and English: a reason is published where a number would mislead."""

from dataclasses import dataclass

_TEXTS: dict[str, tuple[str, str]] = {
    "no_output": ("未填报 {quarter} 的产值", "no output is stated for {quarter}"),
    "falling": (
        "{quarter} 的累计产值小于 {before} 的累计产值",
        "the cumulative output of {quarter} is below the one of {before}",
    ),
    "no_annual": ("没有完整年度的产值", "no output of a full year is known"),
    "no_target": ("培育类集群，规划未设产值目标", "the plan sets no output target for this potential cluster"),
    "no_base": ("规划未列 2023 年产值", "the plan states no output of the base year for this potential cluster"),
    "target_over": (
        "目标年度 {year} 已结束，{year} 年产值为目标的 {pct} %",
        "the target year {year} is over: its output was {pct} % of the target",
    ),
    "zero": ("作为除数的 {what_zh} 为 0", "{what_en} is 0, so nothing can be divided by it"),
    "no_enterprise": (
        "没有登记该集群的企业用电账户",
        "no enterprise of this cluster has an account in a park",
    ),
    "no_meter": ("企业账户没有计量点", "no metering point belongs to the accounts of its enterprises"),
    "no_metering": ("没有计量点", "there is no metering point"),
    "no_pv": ("没有光伏计量点", "no photovoltaic device is metered"),
    "no_storage": ("没有储能计量点", "no storage device is metered"),
    "coverage": (
        "数据覆盖率 {pct} % 低于 {least} %",
        "{pct} % of the intervals are known, less than {least} %",
    ),
    "negative_energy": ("用电量为负：请检查计量点与账户", "the consumption is negative: check meters and accounts"),
    "no_coal": ("没有 {year} 年的折标煤系数", "there is no standard-coal factor for {year}"),
    "other_enterprises": (
        "与上年同期的企业账户或计量点不同，增速不可比",
        "the accounts or metering points are not those of the year before, so growth cannot be computed",
    ),
    "small_growth": (
        "产值增速 {pct} % 绝对值小于 {least} %，弹性系数无意义",
        "output grew by {pct} %, less than {least} % either way: elasticity says nothing",
    ),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no figure."""

    code: str
    zh: str
    en: str

    def text(self, language: str) -> str:
        """The reason in `zh` or `en`."""
        return self.zh if language == "zh" else self.en


def reason(code: str, **fields: object) -> Reason:
    """A reason of a kind."""
    zh, en = _TEXTS[code]
    return Reason(code, zh.format_map(fields), en.format_map(fields))
