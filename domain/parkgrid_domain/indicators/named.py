"""What inputs of indicators are called in Chinese: a reason says them, and people read names, not identifiers."""

from collections.abc import Iterable, Mapping

NAMES_ZH: Mapping[str, str] = {
    "charger_charging_min": "充电桩充电时间",
    "charger_delivered_kwh": "充电桩充电电量",
    "charger_known_min": "充电桩状态",
    "charger_returned_kwh": "车网互动 V2G 电量",
    "dc_export_kwh": "直流母线送出电量",
    "dc_import_kwh": "直流母线受入电量",
    "dc_power_kw": "直流接口功率",
    "dc_target_power_kw": "直流接口目标功率",
    "dc_voltage_pct": "直流母线电压",
    "device_able_min": "设备可用时间",
    "device_known_min": "设备状态",
    "grid_export_kwh": "上网电量",
    "grid_import_kw": "电网取电功率",
    "grid_import_kwh": "电网取电量",
    "irradiance_plane_w_m2": "组件面辐照度",
    "load_kwh": "负荷用电量",
    "module_temperature_c": "组件温度",
    "pv_kwh": "光伏发电量",
    "reactive_import_kvarh": "正向无功电量",
    "storage_charged_kwh": "储能充电量",
    "storage_discharged_kwh": "储能放电量",
    "stored_end_kwh": "期末储存电量",
    "stored_start_kwh": "期初储存电量",
    "charger_rated_kw": "充电桩额定功率",
    "pv_rated_kwp": "光伏组件额定容量",
    "storage_capacity_kwh": "储能额定容量",
    "balance_alarm_pct": "能量平衡告警限值",
    "carbon_residual_kg_per_kwh": "剩余电力排放因子",
    "coal_equal_value_kgce_per_kwh": "折标煤系数（等价值）",
    "coal_equivalent_kgce_per_kwh": "折标煤系数（当量值）",
    "dc_band_derated_low_pct": "直流电压降额下限",
    "dc_band_high_pct": "直流电压上限",
    "dc_band_low_pct": "直流电压下限",
    "demand_slide_min": "需量滑差时间",
    "output_10k_cny": "产值",
    "pv_least_irradiation_kwh_m2_d": "最低日辐照量",
    "storage_soc_reset_pct": "荷电状态校正阈值",
    "storage_soc_step_pct": "荷电状态跳变阈值",
    "pv_light_w_m2": "光伏可用率辐照度阈值",
    "pv_temperature_coefficient_per_k": "组件温度系数",
}


def told_zh(names: Iterable[str]) -> str:
    """The names, in Chinese where there is one."""
    return "、".join(NAMES_ZH.get(name, name) for name in names)
