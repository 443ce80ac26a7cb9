"""The tables of the registry's file: their sheets, columns and what a cell of a column is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from parkgrid_domain.spreadsheet.table import FileColumn

Shape = Literal["text", "kw", "whole", "percent", "day", "choice"]
"""What a cell is: text; power in kW, stored in W; a whole number; a decimal; a day as text; one of some words."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table and the field of the document that it fills."""

    field: str
    file: FileColumn
    shape: Shape = "text"
    choices: Mapping[str, str] | None = None
    """The words of a choice, in English and in Chinese."""
    empty: str | None = None
    """What an optional cell that is empty says."""
    values: Mapping[str, int] | None = None
    """What the words of a choice are in the document, where they are not themselves."""

    def shown(self, word: str) -> str:
        """A word of a choice as a file shows it."""
        return f"{(self.choices or {})[word]} {word}"


@dataclass(frozen=True, slots=True)
class RegistryTable:
    """One sheet of the workbook, and one CSV file."""

    name: str
    """Of the CSV file."""
    sheet: str
    columns: Sequence[Column]
    key: Sequence[str]
    """The fields that no two rows have alike; none: rows may repeat."""

    def column(self, field: str) -> Column:
        """The column of a field."""
        return next(each for each in self.columns if each.field == field)


LEVELS = {"station": "站", "line": "线", "transformer": "变", "account": "户"}
PROVENANCES = {"declared": "申报", "verified": "已核实", "unverified": "未核实"}
KINDS = {
    "storage": "储能",
    "v2g": "车网互动",
    "charger_pool": "充电桩群",
    "interruptible": "可中断负荷",
    "shiftable": "可转移负荷",
    "pv_curtailment": "光伏限发",
    "pedf": "光储直柔建筑",
}
CONTRACT_TYPES = {"day_ahead": "日前响应型", "hour": "小时响应型", "direct": "直控型"}
PHASES = {
    "registered": "注册",
    "documents": "资料审核",
    "joint_test": "联调测试",
    "announced": "公示",
    "active": "运行",
    "suspended": "暂停",
    "left": "退出",
}
SIGNS = {"add": "加", "subtract": "减"}
SIGN_VALUES = {"add": 1, "subtract": -1}
"""The sign of a register in the sum of what a resource draws."""
_IDENTIFIER = ("小写字母、数字和 -，最多 64 个字符", "small letters, digits and -, at most 64 characters")
_NAME = ("1 至 200 个字符的文本", "text of 1 to 200 characters")
_NOTE = ("最多 500 个字符的文本", "text of at most 500 characters")
_DAY = ("日期，按文本填写，如 2026-07-01", "a day, as text, such as 2026-07-01")
_UNTIL = (
    "有效期后的第一天，如 2027-07-01；长期不填",
    "first day after validity, such as 2027-07-01; empty: open end",
)
_ABOVE = ("上一级位置的编号；站不填", "id of the place above; none of a station")
_SIGN = ("用电为加，送出为减", "what is drawn adds, what is given subtracts")
_MINUTES = ("整数分钟，0 至 10080", "whole minutes, 0 to 10080")
_KW = ("千瓦，不小于 0，最多三位小数", "kW, at least 0, at most three decimal places")
_SHARE = ("百分数值 0 至 100，不写 %", "per cent, 0 to 100, without %")


def _column(
    field: str,
    zh: str,
    en: str,
    hint: tuple[str, str],
    shape: Shape = "text",
    *,
    choices: Mapping[str, str] | None = None,
    values: Mapping[str, int] | None = None,
    optional: bool = False,
    empty: str | None = None,
) -> Column:
    if choices:
        words = "、".join(f"{name} {word}" for word, name in choices.items())
        hint = (f"{hint[0]}：{words}", f"{hint[1]}: {', '.join(choices)}")
        shape = "choice"
    required = not optional
    return Column(field, FileColumn(field, zh, en, *hint, required=required), shape, choices, empty, values)


def _id(zh: str, en: str, field: str = "id") -> Column:
    return _column(field, zh, en, _IDENTIFIER)


OPERATORS = RegistryTable(
    "operators",
    "运营商 Operators",
    (
        _id("运营商编号", "operator id"),
        _column("name_zh", "中文名称", "Chinese name", _NAME),
        _column("name_en", "英文名称", "English name", _NAME),
    ),
    ("id",),
)
LOCATIONS = RegistryTable(
    "locations",
    "位置 Locations",
    (
        _id("位置编号", "location id"),
        _column("level", "层级", "level", ("层级", "level"), choices=LEVELS),
        _column("name", "名称", "name", ("名称；户填户号", "its name; of an account its number")),
        _column(
            "parent",
            "上级位置",
            "parent",
            ("上一级位置的编号；站不填", "id of the place above; none of a station"),
            optional=True,
        ),
        _column("provenance", "来源", "provenance", ("如何得知", "how it is known"), choices=PROVENANCES),
        _column(
            "evidence",
            "证明文件",
            "evidence",
            ("已核实时必填，最多 500 个字符", "needed where verified, at most 500 characters"),
            optional=True,
            empty="",
        ),
        _column("park", "园区", "park", ("户所属园区的编号", "of an account, the id of its park"), optional=True),
        _column(
            "limit_w",
            "变压器限额kW",
            "limit",
            ("变压器可承载的千瓦", "of a transformer, the kW that it may carry"),
            "kw",
            optional=True,
        ),
    ),
    ("id",),
)
RESOURCES = RegistryTable(
    "resources",
    "资源 Resources",
    (
        _id("资源编号", "resource id"),
        _column("name_zh", "中文名称", "Chinese name", _NAME),
        _column("name_en", "英文名称", "English name", _NAME),
        _id("园区", "park", "park"),
        _id("户", "account", "account"),
        _column("kind", "类别", "kind", ("类别", "kind"), choices=KINDS),
        _column("up_w", "最大削峰kW", "up", _KW, "kw"),
        _column("down_w", "最大填谷kW", "down", _KW, "kw"),
        _column("ramp_w_per_min", "爬坡kW每分钟", "ramp", _KW, "kw"),
        _column("notice_min", "提前通知分钟", "notice", _MINUTES, "whole"),
        _column("sustain_min", "可持续分钟", "sustained", _MINUTES, "whole"),
        _column("recovery_min", "恢复分钟", "recovery", _MINUTES, "whole"),
        _column(
            "baseline",
            "基线",
            "baseline",
            ("基线名称；储能和车网互动填 zero", "name of a baseline; zero of a storage and of V2G"),
        ),
    ),
    ("id",),
)
METERS = RegistryTable(
    "meters",
    "计量 Meters",
    (
        _id("资源编号", "resource id", "resource"),
        _column(
            "register",
            "电能读数",
            "register",
            (
                "园区/网关/设备/信号，如 park-a/gw-1/storage-1/energy_charged_kwh",
                "park/gateway/device/signal, such as park-a/gw-1/storage-1/energy_charged_kwh",
            ),
        ),
        _column(
            "sign",
            "加减",
            "sign",
            _SIGN,
            choices=SIGNS,
            values=SIGN_VALUES,
        ),
    ),
    ("resource", "register"),
)
CONTRACTS = RegistryTable(
    "contracts",
    "合同 Contracts",
    (
        _id("合同编号", "contract id"),
        _id("运营商编号", "operator id", "operator"),
        _id("户", "account", "account"),
        _column("type", "类型", "type", ("类型", "type"), choices=CONTRACT_TYPES),
        _column("valid_from", "生效日", "valid from", _DAY, "day"),
        _column(
            "valid_to",
            "失效日",
            "valid to",
            (
                "有效期后的第一天，如 2027-07-01；长期不填",
                "first day after validity, such as 2027-07-01; empty: open end",
            ),
            "day",
            optional=True,
        ),
        _column("notice_min", "提前通知分钟", "notice", _MINUTES, "whole"),
        _column("operator_pct", "运营商收益份额%", "operator share of payment", _SHARE, "percent"),
        _column("user_pct", "用户收益份额%", "user share of payment", _SHARE, "percent"),
        _column("penalty_operator_pct", "运营商罚款份额%", "operator share of penalty", _SHARE, "percent"),
        _column("penalty_user_pct", "用户罚款份额%", "user share of penalty", _SHARE, "percent"),
        _column("equipment", "设备", "equipment", _NOTE, optional=True, empty=""),
        _column("liability", "责任", "liability", _NOTE, optional=True, empty=""),
    ),
    ("id",),
)
CONTRACT_RESOURCES = RegistryTable(
    "contract_resources",
    "合同资源 Contract resources",
    (_id("合同编号", "contract id", "contract"), _id("资源编号", "resource id", "resource")),
    ("contract", "resource"),
)
PHASE_STEPS = RegistryTable(
    "phases",
    "阶段 Phases",
    (
        _id("资源编号", "resource id", "resource"),
        _column("phase", "阶段", "phase", ("阶段", "phase"), choices=PHASES),
        _column("on", "日期", "on", _DAY, "day"),
        _column("note", "备注", "note", _NOTE, optional=True, empty=""),
    ),
    (),
)
TABLES: Sequence[RegistryTable] = (
    OPERATORS,
    LOCATIONS,
    RESOURCES,
    METERS,
    CONTRACTS,
    CONTRACT_RESOURCES,
    PHASE_STEPS,
)
"""In the order in which they are taken in."""
