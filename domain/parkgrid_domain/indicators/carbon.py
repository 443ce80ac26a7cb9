"""Emissions and standard coal of purchased electricity, and energy for each 10,000 yuan of output."""

from parkgrid_domain.indicators.balance import consumed_kwh
from parkgrid_domain.indicators.bounds import not_negative
from parkgrid_domain.indicators.definition import Factor, Indicator, Observed, Unavailable, Value

KG_PER_T = 1000
_SERIES = "carbon_intensity_kg_per_kwh"
_LOCATION, _MARKET = "carbon_location_kg_per_kwh", "carbon_residual_kg_per_kwh"
_EQUIVALENT, _EQUAL = "coal_equivalent_kgce_per_kwh", "coal_equal_value_kgce_per_kwh"
_BOUGHT = "Purchased electricity: import at the connection points; what the park generates itself emits nothing here."


def _location(observed: Observed) -> Value | Unavailable:
    imported = observed.series("grid_import_kwh")
    details: dict[str, float | str | None] = {"grid_import_kwh": float(imported.sum())}
    if observed.has(_SERIES):
        emitted = float((imported * observed.series(_SERIES)).sum())
        return Value(emitted / KG_PER_T, details=details | {"factor_of_each_interval": "as given"})
    factor = observed.inputs.factors.get(_LOCATION)
    if factor is None:
        return Unavailable(f"no factor {_LOCATION} for the park's region", f"缺少所在地区的电力排放因子（{_LOCATION}）")
    return Value(float(imported.sum()) * factor.value / KG_PER_T, details=details)


def _market(observed: Observed) -> Value:
    imported = observed.energy("grid_import_kwh")
    green = observed.inputs.factors.get("green_electricity_kwh", _NO_GREEN).value
    rest = max(imported - green, 0.0)
    return Value(
        rest * observed.factor(_MARKET) / KG_PER_T,
        details={"grid_import_kwh": imported, "green_electricity_kwh": green, "residual_kwh": rest},
    )


_NO_GREEN = Factor("green_electricity_kwh", 0.0, "kWh", "none was given", marker="given")


def _equivalent(observed: Observed) -> Value:
    imported = observed.energy("grid_import_kwh")
    return Value(imported * observed.factor(_EQUIVALENT) / KG_PER_T, details={"grid_import_kwh": imported})


def _equal_value(observed: Observed) -> Value:
    imported = observed.energy("grid_import_kwh")
    return Value(imported * observed.factor(_EQUAL) / KG_PER_T, details={"grid_import_kwh": imported})


_NO_OUTPUT = Unavailable("the output is not above 0", "产值不大于 0")


def _intensity_kwh(observed: Observed) -> Value | Unavailable:
    output, consumed = observed.factor("output_10k_cny"), consumed_kwh(observed)
    if output <= 0:
        return _NO_OUTPUT
    return Value(consumed / output, details={"consumption_kwh": consumed})


def _intensity_tce(observed: Observed) -> Value | Unavailable:
    output, imported = observed.factor("output_10k_cny"), observed.energy("grid_import_kwh")
    if output <= 0:
        return _NO_OUTPUT
    coal = imported * observed.factor(_EQUIVALENT) / KG_PER_T
    equal = imported * observed.factor(_EQUAL) / KG_PER_T
    return Value(
        coal / output,
        details={"standard_coal_tce": coal, "equal_value_tce_per_10k_cny": equal / output, "grid_import_kwh": imported},
    )


CARBON = (
    Indicator(
        name="carbon_location_based_t",
        name_zh="二氧化碳排放量（基于位置）",
        name_en="CO2 emissions, location-based",
        formula="Σ E_import · f; f the factor of the interval where a series is given, else the region's latest "
        "published",
        unit="t",
        inputs=("grid_import_kwh",),
        optional=(_SERIES,),
        optional_factors=(_LOCATION,),
        minimum_coverage_pct=95,
        source="MEE and NBS, electricity CO2 emission factors, latest year published at reporting time; GHG Protocol "
        f"Scope 2 [from memory]. {_BOUGHT}",
        compute=_location,
        bounds=not_negative("purchased energy and its factors are not below 0"),
    ),
    Indicator(
        name="carbon_market_based_t",
        name_zh="二氧化碳排放量（基于市场）",
        name_en="CO2 emissions, market-based",
        formula="(E_import - E_green) · f_residual, not below 0",
        unit="t",
        inputs=("grid_import_kwh",),
        factors=(_MARKET,),
        optional_factors=("green_electricity_kwh",),
        minimum_coverage_pct=95,
        source="MEE and NBS, national factor without market-traded non-fossil electricity; GHG Protocol Scope 2 [from "
        f"memory]. E_green: contracted green electricity or certificates, given by the operator. {_BOUGHT}",
        compute=_market,
        bounds=not_negative("purchased energy and its factors are not below 0"),
    ),
    Indicator(
        name="standard_coal_equivalent_tce",
        name_zh="外购电折标煤（当量值）",
        name_en="Standard coal of purchased electricity, equivalent",
        formula="E_import · 0.1229 kgce/kWh (dated data)",
        unit="tce",
        inputs=("grid_import_kwh",),
        factors=(_EQUIVALENT,),
        minimum_coverage_pct=95,
        source=f"GB/T 2589, 当量值 [value from memory; 3600 kJ / 29307.6 kJ = 0.122835 computed]. {_BOUGHT}",
        compute=_equivalent,
        bounds=not_negative("purchased energy and its factors are not below 0"),
    ),
    Indicator(
        name="standard_coal_equal_value_tce",
        name_zh="外购电折标煤（等价值）",
        name_en="Standard coal of purchased electricity, equal value",
        formula="E_import · coal consumption of thermal supply in that year (dated data)",
        unit="tce",
        inputs=("grid_import_kwh",),
        factors=(_EQUAL,),
        minimum_coverage_pct=95,
        source=f"GB/T 2589, 等价值: set per year [from memory, unverified]. {_BOUGHT}",
        compute=_equal_value,
        bounds=not_negative("purchased energy and its factors are not below 0"),
    ),
    Indicator(
        name="energy_intensity_kwh_per_10k_cny",
        name_zh="单位产值电耗",
        name_en="Electricity per 10,000 CNY",
        formula="E_load / output; which output (产值 or 增加值) is said in its source",
        unit="kWh/10k CNY",
        inputs=("grid_import_kwh",),
        optional=("grid_export_kwh", "pv_kwh", "storage_discharged_kwh", "storage_charged_kwh"),
        factors=("output_10k_cny",),
        minimum_coverage_pct=95,
        source="Consumption over the output that the operator gives, for the same period",
        compute=_intensity_kwh,
        bounds=not_negative("purchased energy and its factors are not below 0"),
    ),
    Indicator(
        name="energy_intensity_tce_per_10k_cny",
        name_zh="单位产值外购电折标煤（当量）",
        name_en="Standard coal of purchased electricity per 10,000 CNY, equivalent",
        formula="E_import · 0.1229 kgce/kWh / output; equal value in the details",
        unit="tce/10k CNY",
        inputs=("grid_import_kwh",),
        factors=("output_10k_cny", _EQUIVALENT, _EQUAL),
        minimum_coverage_pct=95,
        source="GB/T 2589 [value from memory]; from 2024 non-fossil energy does not count [from memory, unverified], "
        "so own photovoltaics are left out",
        compute=_intensity_tce,
        bounds=not_negative("purchased energy and its factors are not below 0"),
    ),
)
