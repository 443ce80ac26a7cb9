"""What can be wrong in a file that people filled in: each mistake with its cell, in Chinese and English."""

from dataclasses import dataclass

_TEXTS: dict[str, tuple[str, str]] = {
    "no_heading": (
        "找不到表头：需要以下各列：{columns}",
        "no row of headings: these columns are needed: {columns}",
    ),
    "missing_column": ("缺少“{column}”列", "the column {column!r} is missing"),
    "unknown_column": (
        "无法识别的列“{value}”：请删除，或使用模板的列名",
        "unknown column {value!r}: remove it, or use a heading of the template",
    ),
    "doubled_column": (
        "“{value}”列与 {first} 重复：请只保留一列",
        "column {value!r} is there twice, first in {first}: keep one",
    ),
    "stray": (
        "“{value}”上方没有表头：请删除；CSV 中含逗号的文本须加引号",
        "{value!r} has no heading above it: remove it; in a CSV a text with a comma needs quotes",
    ),
    "no_rows": ("表头以下没有数据行", "there is no row below the headings"),
    "missing": ("缺少{column}", "{column} is missing"),
    "unknown_cluster": (
        "没有名为“{value}”的产业集群{hint_zh}",
        "there is no cluster {value!r}{hint_en}",
    ),
    "bad_quarter": (
        "“{value}”不是季度：请写 2024-Q2 或 2024年第二季度",
        "{value!r} is not a quarter: write 2024-Q2 or 2024年第二季度",
    ),
    "future_quarter": (
        "{value} 尚未结束（今天是 {today}）：只能填报已结束的季度",
        "{value} has not ended on {today}: only quarters that are over can be stated",
    ),
    "bad_basis": (
        "“{value}”不是口径：请写“当季”或“累计”",
        "{value!r} is not a basis: write 'quarter' (these three months) or 'cumulative' (since January)",
    ),
    "percent": (
        "“{value}”是百分数：请填金额",
        "{value!r} is a percentage: write an amount",
    ),
    "otherwise": (
        "显示为“{shown}”，存储的却是 {stored}：请改用普通数字格式，或确认以哪个为准（--take shown 或 --take stored）",
        "{shown!r} is shown, but {stored} is stored: use a plain format, or say which is meant (--take shown, stored)",
    ),
    "format_unit": (
        "数字格式显示“{value}”，单位却是“{unit}”：请改正其中之一",
        "its number format shows {value!r}, but the unit is {unit!r}: correct one of them",
    ),
    "more": (
        "已有 {count} 处错误，此行起未再检查：请先改正以上错误",
        "{count} mistakes so far; from this row on nothing was looked at: correct these first",
    ),
    "not_number": (
        "“{value}”不是数字：请写 1234.5 或 1,234.5，单位写在单位列",
        "{value!r} is not a number: write 1234.5 or 1,234.5, and the unit in its own column",
    ),
    "negative": ("{value} 为负数：产值不能小于 0", "{value} is negative: output cannot be below 0"),
    "out_of_range": (
        "{value} 不在大于 {low}、不超过 {high} 的范围内",
        "{value} must be above {low} and at most {high}",
    ),
    "implausible": (
        "{value} 亿元过大（该集群可信上限 {limit} 亿元）：单位是否应为万元？",
        "{value} 亿元 is implausibly high (at most {limit} 亿元 for this cluster): is the unit 万元?",
    ),
    "too_small": (
        "{value} 亿元过小（该集群可信下限 {limit} 亿元）：单位是否应为亿元？",
        "{value} 亿元 is implausibly low (at least {limit} 亿元 for this cluster): is the unit 亿元?",
    ),
    "bad_unit": (
        "“{value}”不是可用的单位：请写 亿元、万元 或 元",
        "{value!r} is not a unit of output: write 亿元 (100 million CNY), 万元 (10,000 CNY) or 元 (CNY)",
    ),
    "unit_conflict": (
        "单位“{value}”与表头的“{heading}”不一致",
        "the unit {value!r} contradicts the heading's {heading!r}",
    ),
    "unit_missing": (
        "没有写明单位：请加“单位”列，或写成“产值（亿元）”",
        "no unit is stated: add the column 'unit', or write '产值（亿元）'",
    ),
    "duplicate": (
        "与 {first} 重复：{value} 在一个文件中只能出现一次",
        "repeats {first}: {value} may stand only once in a file",
    ),
    "formula": (
        "公式没有保存计算结果：请在表格软件中打开并保存，或直接填数值",
        "a formula without a stored result: open and save the file in a spreadsheet program, or write the number",
    ),
    "error_value": ("单元格是错误值 {value}", "the cell contains the error {value}"),
    "date": ("单元格是日期：请按文本填写", "the cell is a date: write it as text"),
    "truth": ("单元格是逻辑值 {value}", "the cell is a truth value, {value}"),
    "merged": (
        "合并单元格 {value}：请取消合并并逐格填写",
        "the cells {value} are merged: unmerge them and fill in each",
    ),
    "hidden_sheet": (
        "工作表“{value}”是隐藏的且有内容：请删除或取消隐藏",
        "the sheet {value!r} is hidden and has content: delete it or show it",
    ),
    "hidden_row": ("第 {value} 行是隐藏的：请删除或取消隐藏", "row {value} is hidden: delete it or show it"),
    "hidden_column": ("{value} 列是隐藏的：请删除或取消隐藏", "column {value} is hidden: delete it or show it"),
    "control": (
        "文本含有不可见字符：请重新输入",
        "the text contains invisible characters: type it again",
    ),
    "too_long": ("文本超过 {limit} 个字符", "the text is longer than {limit} characters"),
    "bad_identifier": (
        "“{value}”不是标识符：只能用小写字母、数字、- 和 _",
        "{value!r} is not an identifier: lower-case letters a-z, digits, - or _, at most 63",
    ),
    "bad_month": (
        "“{value}”不是月份：请写 2024-01（自当月 1 日起）",
        "{value!r} is not a month: write 2024-01 (from its first day)",
    ),
    "month_order": ("{value} 不晚于起始月份 {first}", "{value} is not after the first month {first}"),
    "two_clusters": (
        "企业“{value}”在 {first} 属于“{other}”：一家企业只能属于一个集群",
        "the enterprise {value!r} is in {other!r} at {first}: an enterprise belongs to one cluster",
    ),
    "two_shares": (
        "企业“{value}”的产值占比与 {first} 不一致",
        "the output share of {value!r} is not the one at {first}",
    ),
    "unsuitable": ("“{value}”不正确：{hint_zh}", "{value!r} is not right: {hint_en}"),
    "refused": ("“{value}”：{reason_zh}", "{value!r}: {reason_en}"),
    "unlisted": (
        "“{value}”不在工作表“{sheet}”中：请在该表补充一行",
        "{value!r} has no row in the sheet {sheet!r}: add one there",
    ),
    "over_account": (
        "账户 {value} 的份额合计超过 100 %（{sum} %）",
        "the shares of account {value} come to {sum} %, more than 100 %",
    ),
    "over_cluster": (
        "集群“{value}”的企业产值占比合计超过 100 %（{sum} %）",
        "the output shares of cluster {value!r} come to {sum} %, more than 100 %",
    ),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a file."""

    cell: str
    """Where, as a spreadsheet names it: B7; with the sheet in front when it is not the one that is read."""
    code: str
    zh: str
    en: str

    def text(self, language: str) -> str:
        """`B7: …` in `zh` or `en`."""
        return f"{self.cell}: {self.zh if language == 'zh' else self.en}"


def mistake(cell: str, code: str, **fields: object) -> Mistake:
    """A mistake of a kind; `name_zh` and `name_en` stand for `name` in the text of their language."""
    zh, en = _TEXTS[code]
    return Mistake(cell, code, zh.format_map(_in(fields, "zh")), en.format_map(_in(fields, "en")))


def _in(fields: dict[str, object], language: str) -> dict[str, object]:
    ending = f"_{language}"
    return fields | {name.removesuffix(ending): value for name, value in fields.items() if name.endswith(ending)}
