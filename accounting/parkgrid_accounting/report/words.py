"""The words of the park's report, Chinese and English: those of the page, where it says the same thing."""

import re
from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    key: {"zh": zh, "en": en}
    for key, zh, en in (
        ("title", "能源报告", "Energy report"),
        ("running", "统计期未结束，数据截至目前", "The period still runs: figures so far"),
        ("over", "统计期已结束", "The period is over"),
        ("made", "生成于", "made"),
        ("energies", "电量", "Energies"),
        (
            "energies_note",
            "缺失的区间不计入电量，也不按零计。",
            "Missing intervals are not included in sums and are never counted as zero.",
        ),
        ("device", "设备", "Device"),
        ("class", "类别", "Class"),
        ("register", "计量寄存器", "Register"),
        ("account", "户号", "Account"),
        ("energy", "电量", "Energy"),
        ("unit", "单位", "Unit"),
        ("good", "有效区间", "Good"),
        ("estimated", "估算区间", "Estimated"),
        ("missing", "缺失区间", "Missing"),
        ("estimated_energy", "其中估算电量", "Energy estimated"),
        ("doubts", "估算与缺失", "Estimated, missing"),
        ("corrected", "修正区间", "Corrected"),
        ("coverage", "数据完整率 (%)", "Coverage (%)"),
        ("indicators", "指标", "Indicators"),
        (
            "indicators_note",
            "每个数值均可用 parkgrid trace 加地址溯源到原始读数。",
            "Each value can be traced to its readings: parkgrid trace ADDRESS.",
        ),
        ("indicator", "指标", "Indicator"),
        ("value", "数值", "Value"),
        ("estimates", "估算占比 (%)", "Estimates (%)"),
        ("reason", "不可用原因", "Why not available"),
        ("remark", "说明", "Remark"),
        (
            "good_maximum",
            "出自估算时段；有效时段中最大 {kw} kW",
            "from an estimated interval; highest good one {kw} kW",
        ),
        ("no_good", "出自估算时段；没有有效时段", "from an estimated interval; there is no good one"),
        ("address", "溯源地址", "Address"),
        ("completeness", "数据完整性", "Completeness"),
        ("subject", "项目", "Subject"),
        ("pct_or_hours", "% 或小时", "% or hours"),
        ("number", "次数", "Number"),
        ("score", "园区数据完整率 (%)", "Score of the park (%)"),
        ("gaps", "缺数（寄存器小时）", "Gaps (register hours)"),
        ("cause_device", "设备", "device"),
        ("cause_gateway", "网关", "gateway"),
        ("cause_link", "链路", "link"),
        ("cause_ingest", "入库", "ingest"),
        ("cause_source", "数据源", "source"),
        ("cause_restore", "数据库恢复", "restore of the database"),
        ("bills", "电费", "Bills"),
        ("line", "项目", "Line"),
        ("quantity", "数量", "Quantity"),
        ("price", "单价 (元)", "Price (CNY)"),
        ("amount", "金额 (元)", "Amount (CNY)"),
        ("plan", "电价方案", "Plan"),
        ("total", "合计", "Total"),
        ("provisional", "暂计", "provisional"),
        ("closed", "已关账", "closed"),
        ("clusters", "产业集群", "Industrial clusters"),
        ("cluster", "产业集群", "Cluster"),
        ("figure", "指标", "Figure"),
        ("basis", "范围", "Of"),
        ("metered_coverage", "计量区间完整率 (%)", "Known intervals of the metered (%)"),
        ("simulated", "仿真数据", "simulated data"),
        (
            "simulated_note",
            "仿真数据：读数来自仿真设备，不是真实园区。",
            "Simulated data: the readings come from simulated devices, not from a real park.",
        ),
        ("example_output", "示例产值", "example outputs"),
        ("example_tariff", "示例电价", "example tariff"),
        ("no_bill", "{account}：没有账单（{why}）", "{account}: no bill ({why})"),
        ("class.pv_inverter", "光伏", "PV"),
        ("class.storage", "储能", "Storage"),
        ("class.charger", "充电桩", "Chargers"),
        ("class.grid_meter", "电表", "Meters"),
        ("class.meter", "分表", "Sub-meters"),
        ("class.dc_bus", "直流母线", "DC bus"),
        ("signal.energy_import_kwh", "正向有功", "Import register"),
        ("signal.energy_export_kwh", "反向有功", "Export register"),
        ("signal.reactive_energy_import_kvarh", "正向无功", "Reactive import"),
        ("signal.reactive_energy_export_kvarh", "反向无功", "Reactive export"),
        ("signal.energy_generated_kwh", "发电量", "Generation register"),
        ("signal.energy_charged_kwh", "充电电量", "Charge register"),
        ("signal.energy_discharged_kwh", "放电电量", "Discharge register"),
        ("signal.energy_delivered_kwh", "充电电量", "Delivered register"),
        ("signal.energy_returned_kwh", "回馈电量", "Returned register"),
    )
}
_CHINESE = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


def half(name: str, language: str) -> str:
    """A name that somebody wrote in both languages at once, `屋顶光伏 / Rooftop PV`, in the reader's one.

    The whole name unless one half is Chinese and the other is not.
    """
    halves = [part.strip() for part in name.split(" / ")]
    chinese = [bool(_CHINESE.search(part)) for part in halves]
    if len(halves) != 2 or "" in halves or chinese[0] == chinese[1]:  # noqa: PLR2004
        return name
    return halves[chinese.index(language == "zh")]
