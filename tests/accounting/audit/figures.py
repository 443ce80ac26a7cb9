"""Published figures computed by hand from raw rows: formulas as the domain facts write them, exact to the last step.

Energies are whole Wh, prices and factors are read from the texts of their files as decimal numbers.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from parkgrid_contract.signals import CHARGER_STATES, OPERATING_STATES
from tests.accounting.audit.raw import QUARTER_MS, Device, Meter, Rows, Slot, cut

MINUTE_MS = 60_000
DOMAIN = Path(__file__).parents[3] / "domain" / "parkgrid_domain"
SHANGHAI = ZoneInfo("Asia/Shanghai")
Register = tuple[str, str]
"""Device and signal."""
ENERGY = {
    "import": ("grid_meter", "energy_import_kwh"),
    "export": ("grid_meter", "energy_export_kwh"),
    "reactive_in": ("grid_meter", "reactive_energy_import_kvarh"),
    "reactive_out": ("grid_meter", "reactive_energy_export_kvarh"),
    "pv": ("pv_inverter", "energy_generated_kwh"),
    "charged": ("storage", "energy_charged_kwh"),
    "discharged": ("storage", "energy_discharged_kwh"),
    "delivered": ("charger", "energy_delivered_kwh"),
    "returned": ("charger", "energy_returned_kwh"),
    "load_in": ("meter", "energy_import_kwh"),
    "load_out": ("meter", "energy_export_kwh"),
}


@cache
def text(path: str) -> dict[str, Any]:
    """A data file's text, its numbers decimal."""
    return tomllib.loads((DOMAIN / path).read_text("utf-8"), parse_float=Decimal)


@cache
def factor(file: str, name: str, *regions: str) -> Fraction:
    """The latest figure of a factor, of the first region that has one."""
    entries = [each for each in text(f"factors/data/{file}.toml")["factor"] if each["name"] == name]
    for region in regions or ("",):
        if of_region := [each for each in entries if each.get("region", "") == region]:
            return Fraction(max(of_region, key=lambda each: each.get("year", 0))["value"])
    raise LookupError(name)


@dataclass
class Evidence:
    """Raw rows of a park and the registers that were cut from them."""

    devices: Mapping[str, Device]
    rows: Rows
    declared: Mapping[Register, Sequence[Meter]]
    start_ms: int
    stop_ms: int
    _cut: dict[Register, dict[int, Slot]] = field(default_factory=dict)

    def slots(self, register: Register) -> dict[int, Slot]:
        """The quarters of an hour of a register."""
        if register not in self._cut:
            device, signal = register
            known = self.declared[register]
            self._cut[register] = cut(
                self.rows[device], signal, known, self.start_ms, self.stop_ms, sun=signal == ENERGY["pv"][1]
            )
        return self._cut[register]

    def registers(self, kind: str, signal: str, only: str | None = None) -> list[Register]:
        """The registers of a class and signal, of one device if it is named."""
        return [
            (each.name, signal)
            for each in self.devices.values()
            if each.kind == kind and signal in each.signals and only in {None, each.name}
        ]


@dataclass
class Span:
    """A park or one device of it over a span: quantities by quarter of an hour, absent where anything is unknown."""

    evidence: Evidence
    start_ms: int
    stop_ms: int
    device: str | None = None

    @property
    def quarters(self) -> range:
        """Their starts."""
        return range(self.start_ms, self.stop_ms, QUARTER_MS)

    def registers(self, names: Sequence[str]) -> set[Register]:
        """The registers behind energies."""
        return {each for name in names for each in self.evidence.registers(*ENERGY[name], self.device)}

    def has(self, name: str) -> bool:
        """Whether there is such a device."""
        return bool(self.registers([name]))

    def energy(self, name: str) -> dict[int, int]:
        """Wh of an energy in every quarter in which all of its registers are known."""
        parts = [self.evidence.slots(each) for each in sorted(self.registers([name]))]
        return {at: sum(part[at].wh for part in parts) for at in self.quarters if all(at in part for part in parts)}

    def estimated(self, names: Sequence[str]) -> set[int]:
        """Quarters in which one of these energies is an estimate."""
        parts = [self.evidence.slots(each) for each in self.registers(names)]
        return {at for part in parts for at, slot in part.items() if slot.estimated}

    def of_class(self, *kinds: str) -> list[Device]:
        """Devices of classes within the scope; the weather is everybody's."""
        found = self.evidence.devices.values()
        return [
            each for each in found if each.kind in kinds and (self.device in {None, each.name} or "weather" in kinds)
        ]

    def readings(self, device: Device, signal: str) -> list[tuple[int, Fraction]]:
        """A device's readings of a signal."""
        rows = self.evidence.rows[device.name] if signal in device.signals else ()
        return [(row.at_ms, Fraction(Decimal(row.texts[signal]))) for row in rows if row.texts[signal]]

    def mean(self, kind: str, signal: str) -> dict[int, Fraction]:
        """The mean of a gauge of the only device of a class in every quarter with a reading."""
        (device,) = self.of_class(kind)
        found: dict[int, list[Fraction]] = {}
        for at_ms, value in self.readings(device, signal):
            found.setdefault(at_ms - at_ms % QUARTER_MS, []).append(value)
        return {at: sum(values) / len(values) for at, values in found.items() if at in self.quarters}

    def stored(self, *, at_end: bool) -> dict[int, Fraction]:
        """Stored kWh at an edge of every quarter: the mean of the readings closer than half a quarter to it."""
        (device,) = self.of_class("storage")
        near: dict[int, list[Fraction]] = {}
        for at_ms, soc_pct in self.readings(device, "soc_pct"):
            shifted = at_ms + QUARTER_MS // 2
            near.setdefault(shifted - shifted % QUARTER_MS, []).append(
                soc_pct / 100 * Fraction(device.ratings["capacity_kwh"])
            )
        edges = {at: at + QUARTER_MS if at_end else at for at in self.quarters}
        return {at: sum(near[edge]) / len(near[edge]) for at, edge in edges.items() if edge in near}

    def minutes(
        self, kinds: Sequence[str], states: Callable[[str, str], bool]
    ) -> tuple[dict[int, int], dict[int, Fraction]]:
        """Minutes with a state and those in wanted states, in quarters in which nine tenths of the devices tell one.

        However often a device is read within a quarter, its readings share the 15 minutes.
        """
        known, wanted, told = dict.fromkeys(self.quarters, 0), dict.fromkeys(self.quarters, Fraction(0)), 0
        for device in self.of_class(*kinds):
            names = CHARGER_STATES if device.kind == "charger" else OPERATING_STATES
            of_quarter: dict[int, list[bool]] = {}
            for at_ms, code in self.readings(device, "operating_state"):
                if self.start_ms <= at_ms < self.stop_ms:
                    of_quarter.setdefault(at_ms - at_ms % QUARTER_MS, []).append(states(device.kind, names[int(code)]))
            told += bool(of_quarter)
            for at_ms, each in of_quarter.items():
                known[at_ms] += 15
                wanted[at_ms] += Fraction(15 * sum(each), len(each))
        enough = {at: count for at, count in known.items() if told and 10 * count >= 9 * 15 * told}
        return enough, {at: wanted[at] for at in enough}


@dataclass(frozen=True)
class Found:
    """A figure by hand."""

    value: float
    coverage_pct: float
    estimated_pct: float
    registers: set[Register]


LOAD = ("import", "export", "pv", "discharged", "charged")
ENERGIES = {
    "consumption_kwh": LOAD,
    "self_consumption_ratio": ("pv", "import", "export"),
    "self_sufficiency_ratio": LOAD,
    "energy_balance_residual_pct": (*LOAD, "load_in", "load_out", "delivered", "returned"),
    "pv_specific_yield_kwh_per_kwp": ("pv",),
    "performance_ratio": ("pv",),
    "performance_ratio_temperature_corrected": ("pv",),
    "pv_availability_ratio": ("pv",),
    "storage_round_trip_efficiency": ("charged", "discharged"),
    "storage_round_trip_efficiency_soc_corrected": ("charged", "discharged"),
    "storage_equivalent_full_cycles": ("charged", "discharged"),
    "equipment_availability_ratio": (),
    "maximum_demand_kw": ("import",),
    "maximum_demand_sliding_kw": (),
    "load_factor": ("import",),
    "peak_valley_difference_kw": ("import",),
    "peak_valley_difference_ratio": ("import",),
    "power_factor": ("import", "reactive_in", "reactive_out"),
    "charger_time_utilisation_ratio": (),
    "charger_energy_utilisation_ratio": ("delivered",),
    "charging_from_pv_kwh": ("delivered", "import", "pv", "discharged"),
    "charging_from_storage_kwh": ("delivered", "import", "pv", "discharged"),
    "charging_from_grid_kwh": ("delivered", "import", "pv", "discharged"),
    "carbon_location_based_t": ("import",),
    "carbon_market_based_t": ("import",),
    "standard_coal_equivalent_tce": ("import",),
    "standard_coal_equal_value_tce": ("import",),
}  # fmt: skip
"""Which energies an indicator counts."""


def indicator(span: Span, name: str) -> Found:
    """An indicator of a span, its coverage, and the registers behind it."""
    if name == "maximum_demand_sliding_kw":
        return _sliding(span)
    energies = {each: span.energy(each) for each in ENERGIES[name] if span.has(each)}
    others = _others(span, name)
    used = [at for at in span.quarters if all(at in each for each in (*energies.values(), *others.values()))]
    wh = {each: [energies[each][at] for at in used] if each in energies else [0] * len(used) for each in ENERGY}
    told = {each: [values[at] for at in used] for each, values in others.items()}
    value = _compute(span, name, wh, told, used)
    guessed = span.estimated(ENERGIES[name]) & set(used)
    count = len(span.quarters)
    registers = span.registers(ENERGIES[name])
    return Found(float(value), 100 * len(used) / count, 100 * len(guessed) / len(used), registers)


def _sliding(span: Span) -> Found:
    """The highest mean of import over 15 minutes in a row, each of which was read."""
    (grid,) = span.of_class("grid_meter")
    kw = {at: max(value, Fraction(0)) for at, value in span.readings(grid, "active_power_kw")}
    minutes = range(span.start_ms, span.stop_ms, MINUTE_MS)
    windows = [minutes[place : place + 15] for place in range(len(minutes) - 14)]
    means = [sum(kw[at] for at in window) / 15 for window in windows if all(at in kw for at in window)]
    return Found(float(max(means)), 100 * sum(at in kw for at in minutes) / len(minutes), 0.0, set())


def _explains(span: Span, light: dict[int, Fraction]) -> dict[int, Fraction]:
    """Light that can be true: no plant gives more than half as much again as it explains, and 15 % of its rating."""
    rated_kw = sum(Fraction(each.ratings["rated_power_kw"]) for each in span.of_class("pv_inverter"))
    most_wh = {at: rated_kw * 250 * (Fraction(3, 2) * w_m2 / 1000 + Fraction(15, 100)) for at, w_m2 in light.items()}
    made_wh = span.energy("pv")
    return {at: w_m2 for at, w_m2 in light.items() if made_wh.get(at, 0) <= most_wh[at]}


def _others(span: Span, name: str) -> dict[str, dict[int, Any]]:
    """What is no energy."""
    found: dict[str, dict[int, Any]] = {}
    if name in {"performance_ratio", "performance_ratio_temperature_corrected", "pv_availability_ratio"}:
        found["light"] = _explains(span, span.mean("weather", "irradiance_plane_w_m2"))
    if name == "performance_ratio_temperature_corrected":
        found["module"] = span.mean("weather", "module_temperature_c")
    if name == "storage_round_trip_efficiency_soc_corrected":
        found |= {"first": span.stored(at_end=False), "last": span.stored(at_end=True)}
    if name == "equipment_availability_ratio":
        unable = {"fault", "maintenance", "unavailable"}
        kinds = ("pv_inverter", "storage", "charger", "dc_bus")
        found["known"], found["wanted"] = span.minutes(kinds, lambda _, state: state not in unable)
    if name == "charger_time_utilisation_ratio":
        found["known"], found["wanted"] = span.minutes(
            ("charger",), lambda _, state: state in {"charging", "discharging"}
        )
    return found


def _compute(span: Span, name: str, wh: Mapping[str, list[int]], told: Mapping[str, list[Any]], used: list[int]) -> Any:  # noqa: C901, PLR0911, PLR0912 - one formula a branch
    total = {each: Fraction(sum(values)) for each, values in wh.items()}
    load = total["import"] - total["export"] + total["pv"] + total["discharged"] - total["charged"]
    kw = [Fraction(each) * 4 / 1000 for each in wh["import"]]
    rated = {
        kind: Fraction(sum(each.ratings["rated_power_kw"] for each in span.of_class(kind)))
        for kind in ("pv_inverter", "charger")
    }
    match name:
        case "consumption_kwh":
            return load / 1000
        case "self_consumption_ratio":
            return min(max((total["pv"] - total["export"]) / total["pv"], Fraction(0)), Fraction(1))
        case "self_sufficiency_ratio":
            return min(max(1 - total["import"] / load, Fraction(0)), Fraction(1))
        case "energy_balance_residual_pct":
            given = total["import"] + total["pv"] + total["discharged"] + total["returned"]
            taken = total["export"] + total["charged"] + total["delivered"] + total["load_in"] - total["load_out"]
            return 100 * (given - taken) / given
        case "pv_specific_yield_kwh_per_kwp":
            return total["pv"] / 1000 / rated["pv_inverter"]
        case "performance_ratio":
            return (total["pv"] / 1000 / rated["pv_inverter"]) / (sum(told["light"]) / 1000 / 4)
        case "performance_ratio_temperature_corrected":
            gamma = factor("thresholds", "pv_temperature_coefficient_per_k")
            sun = sum(
                (1 + gamma * (warm - 25)) * light / 1000
                for light, warm in zip(told["light"], told["module"], strict=True)
            )
            return total["pv"] / 1000 / (rated["pv_inverter"] * sun / 4)
        case "pv_availability_ratio":
            threshold = factor("thresholds", "pv_light_w_m2")
            lit = [at for at, light in zip(used, told["light"], strict=True) if light >= threshold]
            each = [span.evidence.slots(register) for register in span.registers(["pv"])]
            return Fraction(sum(part[at].wh > 0 for part in each for at in lit), len(lit) * len(each))
        case "storage_round_trip_efficiency":
            return total["discharged"] / total["charged"]
        case "storage_round_trip_efficiency_soc_corrected":
            change = 1000 * float(sum(told["last"]) - sum(told["first"]))
            charged, discharged = float(total["charged"]), float(total["discharged"])
            one_way = (change + (change**2 + 4 * charged * discharged) ** 0.5) / (2 * charged)
            return discharged / (charged - change / one_way)
        case "storage_equivalent_full_cycles":
            return (
                total["discharged"]
                / 1000
                / Fraction(sum(each.ratings["capacity_kwh"] for each in span.of_class("storage")))
            )
        case "equipment_availability_ratio" | "charger_time_utilisation_ratio":
            return Fraction(sum(told["wanted"]), sum(told["known"]))
        case "maximum_demand_kw":
            return max(kw)
        case "load_factor":
            return sum(kw) / len(kw) / max(kw)
        case "peak_valley_difference_kw":
            return max(kw) - min(kw)
        case "peak_valley_difference_ratio":
            return (max(kw) - min(kw)) / max(kw)
        case "power_factor":
            return power_factor(int(total["import"]), int(total["reactive_in"] + total["reactive_out"]))
        case "charger_energy_utilisation_ratio":
            return total["delivered"] / 1000 / (rated["charger"] * len(used) / 4)
        case "charging_from_pv_kwh" | "charging_from_storage_kwh" | "charging_from_grid_kwh":
            source = {"pv": "pv", "storage": "discharged", "grid": "import"}[name.split("_")[2]]
            drawn = Fraction(0)
            for place, delivered in enumerate(wh["delivered"]):
                fed = sum(wh[each][place] for each in ("pv", "discharged", "import"))
                drawn += Fraction(delivered * wh[source][place], fed) if fed else 0
            return drawn / 1000
        case "carbon_location_based_t":
            return total["import"] / 1000 * factor("carbon", "carbon_location_kg_per_kwh", "guangdong") / 1000
        case "carbon_market_based_t":
            return total["import"] / 1000 * factor("carbon", "carbon_residual_kg_per_kwh", "national") / 1000
        case "standard_coal_equivalent_tce":
            return total["import"] / 1000 * factor("coal", "coal_equivalent_kgce_per_kwh") / 1000
        case "standard_coal_equal_value_tce":
            return total["import"] / 1000 * factor("coal", "coal_equal_value_kgce_per_kwh") / 1000
    raise LookupError(name)


def power_factor(active_wh: int, reactive_varh: int) -> Decimal:
    """The factor kWh / sqrt(kWh² + kvarh²), half up to two decimals."""
    apparent = (Decimal(active_wh) ** 2 + Decimal(reactive_varh) ** 2).sqrt()
    return (active_wh / apparent).quantize(Decimal("0.01"), ROUND_HALF_UP)


def cents(amount: Decimal) -> Decimal:
    """Half up to 0.01 CNY."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Agreed:
    """A supply agreement in an auditor's words."""

    basis: str
    kva: Decimal | None
    contracted_kw: Decimal | None
    standard: str


def bill(evidence: Evidence, plan_file: str, devices: Sequence[str], agreed: Agreed) -> dict[str, Decimal]:
    """Every line of an account's month by code, and the total."""
    plan = text(f"tariff/data/plans/{plan_file}.toml")
    kind = "grid_meter" if any(evidence.devices[each].kind == "grid_meter" for each in devices) else "meter"
    metered = [each for each in devices if evidence.devices[each].kind == kind]
    active = _sum(evidence, [(each, "energy_import_kwh") for each in metered])
    reactive = _sum(
        evidence, [(each, f"reactive_energy_{way}_kvarh") for each in metered for way in ("import", "export")]
    )
    lines, total_wh = {}, sum(active.values())
    by_band: dict[str, int] = {}
    for at_ms in range(evidence.start_ms, evidence.stop_ms, QUARTER_MS):
        band = band_of(plan, at_ms)
        by_band[band] = by_band.get(band, 0) + active.get(at_ms, 0)
    for part in plan["component"]:
        if part.get("time_of_use"):
            for band, wh in by_band.items():
                price = part["price_cny_per_kwh"] * plan["ratios"][band]
                lines[f"{part['code']}.{band}"] = cents(Decimal(wh) / 1000 * price)
        else:
            lines[part["code"]] = cents(Decimal(total_wh) / 1000 * part["price_cny_per_kwh"])
    lines |= _basic(plan["basic"], agreed, total_wh, Decimal(max(active.values())) * 4 / 1000)
    outside = {part["code"] for part in plan["component"] if not part.get("power_factor_base", True)}
    base = sum((amount for code, amount in lines.items() if code not in outside), Decimal(0))
    if any(evidence.registers(kind, "reactive_energy_import_kvarh", each) for each in metered):
        factor_ = power_factor(total_wh, sum(reactive.values()))
        lines["power_factor"] = cents(base * adjustment_pct(factor_, agreed.standard) / 100)
    return {**lines, "total": sum(lines.values(), Decimal(0))}


def _sum(evidence: Evidence, registers: Sequence[Register]) -> dict[int, int]:
    known: dict[int, int] = {}
    for register in registers:
        if register[1] in evidence.devices[register[0]].signals:
            for at_ms, slot in evidence.slots(register).items():
                known[at_ms] = known.get(at_ms, 0) + slot.wh
    return known


def band_of(plan: Mapping[str, Any], at_ms: int) -> str:
    """The band of a quarter of an hour, read from the schedules of the plan's file; no day was forecast hot."""
    local = datetime.fromtimestamp(at_ms / 1000, SHANGHAI)
    clock = f"{local:%H:%M}"
    (found,) = [
        band["band"]
        for schedule in plan["schedule"]
        if local.month in schedule["months"] and schedule.get("weather") != "hot"
        for band in schedule["bands"]
        if band["from"] <= clock < band["to"]
    ]
    return str(found)


def adjustment_pct(factor_: Decimal, standard: str) -> Decimal:
    """By how much the charge changes: the first reward reached, or every hundredth below the standard at its price."""
    table = text("tariff/data/power_factor.toml")["standard"]
    (entry,) = [each for each in table if each["power_factor"] == Decimal(standard)]
    if factor_ >= entry["power_factor"]:
        return next((each["pct"] for each in entry["rewards"] if factor_ >= each["at_least"]), Decimal(0))
    pct, step = Decimal(0), entry["power_factor"]
    while step > factor_:
        step -= Decimal("0.01")
        pct += next(each["pct_per_hundredth"] for each in entry["penalties"] if step >= each["down_to"])
    return pct


def _basic(rule: Mapping[str, Any], agreed: Agreed, total_wh: int, peak_kw: Decimal) -> dict[str, Decimal]:
    if agreed.basis == "capacity":
        assert agreed.kva is not None
        return {"basic_capacity": cents(agreed.kva * rule["capacity_cny_per_kva_month"])}
    price = Decimal(rule["demand_cny_per_kw_month"])
    if agreed.kva is not None and Decimal(total_wh) / 1000 / agreed.kva >= rule["high_use"]["at_least_kwh_per_kva"]:
        price *= rule["high_use"]["ratio"]
    if agreed.basis == "measured_demand":
        return {"basic_demand": cents(peak_kw * price)}
    assert agreed.contracted_kw is not None
    limit = agreed.contracted_kw * (100 + rule["excess"]["tolerance_pct"]) / 100
    lines = {"basic_demand": cents(agreed.contracted_kw * price)}
    if peak_kw > limit:
        lines["basic_excess"] = cents((peak_kw - limit) * price * rule["excess"]["multiplier"])
    return lines


Part = tuple[str, Fraction]
"""An account and a share of it."""
CLUSTER = (
    "energy",
    "pv_energy",
    "storage_energy",
    "intensity",
    "intensity_equivalent",
    "intensity_equal_value",
    "pv_share",
    "storage_share",
)
SIGNS = {"import": 1, "export": -1, "pv": 1, "discharged": 1, "charged": -1}


def cluster(
    evidence: Evidence,
    accounts: Mapping[str, Sequence[str]],
    parts: Sequence[Part],
    output_10k_cny: Fraction,
    name: str,
) -> tuple[Fraction, set[Register]]:
    """A figure of a cluster: parts of the energies of accounts, beside the output of the same enterprises."""
    registers = {
        register
        for account, _ in parts
        for each in SIGNS
        for register in _of_account(evidence, accounts[account], each)
    }
    used = {each: Fraction(0) for each in SIGNS}
    for account, share in parts:
        for each in SIGNS:
            known = _sum(evidence, _of_account(evidence, accounts[account], each))
            used[each] += share * sum(known.values()) / 1000
    whole = {
        each: Fraction(sum(_sum(evidence, evidence.registers(*ENERGY[each])).values()), 1000)
        for each in ("pv", "discharged")
    }
    energy = sum((sign * used[each] for each, sign in SIGNS.items()), Fraction(0))
    values = {
        "energy": energy,
        "pv_energy": used["pv"],
        "storage_energy": used["discharged"],
        "intensity": energy / output_10k_cny,
        "intensity_equivalent": energy / output_10k_cny * factor("coal", "coal_equivalent_kgce_per_kwh") / 1000,
        "intensity_equal_value": energy / output_10k_cny * factor("coal", "coal_equal_value_kgce_per_kwh") / 1000,
        "pv_share": 100 * used["pv"] / whole["pv"],
        "storage_share": 100 * used["discharged"] / whole["discharged"],
    }
    return values[name], registers


def _of_account(evidence: Evidence, devices: Sequence[str], name: str) -> list[Register]:
    """The registers of an account that count; where it has no grid meter, its other meters."""
    kind, signal = ENERGY[name]
    if kind == "grid_meter" and not any(evidence.devices[each].kind == kind for each in devices):
        kind = "meter"
    return [each for device in devices for each in evidence.registers(kind, signal, device)]
