"""Four data sets as their owners would have them, and what they amount to: plain Python, nothing of the product."""

import csv
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

CHINA = timezone(timedelta(hours=8))
CENT = Decimal("0.01")


def write(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(heading)
        writer.writerows(rows)


LOAD_MAPPING = """
name = "Foundry of 2025"
source = "made for a test"
park = "foundry"
[time]
column = "time"
format = "%Y/%m/%d %H:%M"
period_s = 900
[[devices]]
device = "main"
device_class = "grid_meter"
name_en = "Supply meter"
account = "0500-17"
file = "load.csv"
ratings = { rated_power_kw = 1200, register_modulus_kwh = 1000000 }
[devices.counters.energy_import_kwh]
column = "display"
"""


@dataclass
class Load:
    """A year of quarters of an hour behind a display of six digits."""

    quarters: dict[datetime, int] = field(default_factory=dict)
    """Energy in kWh by the start of its quarter."""
    rolled_over: int = 0

    def month(self, number: int) -> dict[datetime, int]:
        return {at: kwh for at, kwh in self.quarters.items() if at.month == number}


def industrial_year(folder: Path) -> Load:
    """Two shifts and a base load, whole kWh, the display begins at 620,411."""
    chance, load, count = random.Random(20250101), Load(), 620_411
    at = datetime(2025, 1, 1, tzinfo=CHINA)
    rows = [(at.strftime("%Y/%m/%d %H:%M"), f"{count:06d}")]
    while at.year == 2025:
        working = 7 <= at.hour < 23 and at.weekday() < 6
        energy = chance.randint(150, 260) if working else chance.randint(35, 60)
        load.quarters[at] = energy
        load.rolled_over += (count + energy) // 1_000_000
        count = (count + energy) % 1_000_000
        at += timedelta(minutes=15)
        rows.append((at.strftime("%Y/%m/%d %H:%M"), f"{count:06d}"))
    write(folder / "load.csv", ("time", "display"), rows)
    (folder / "mapping.toml").write_text(LOAD_MAPPING, "utf-8")
    return load


BANDS = (
    *("valley",) * 8, *("flat",) * 2, *("peak",) * 2, *("flat",) * 2, *("peak",) * 5, *("flat",) * 5,
)  # fmt: skip
"""By hour, in a month that is not July to September, on a day that is not hot."""
RATIOS = {"valley": Decimal("0.38"), "flat": Decimal(1), "peak": Decimal("1.7")}
FUNDS = (Decimal("0.00196875"), Decimal("0.0062"), Decimal("0.019"))


def bill(quarters: dict[datetime, int], capacity_kva: int) -> Decimal:
    """The plan `guangdong-2021-tou` on paper: bands, funds, 32 CNY/kW of measured demand (0.9 of it in high use)."""
    bands: dict[str, int] = defaultdict(int)
    for at, energy in quarters.items():
        bands[BANDS[at.hour]] += energy
    total = sum(bands.values())
    lines = [Decimal("0.60") * RATIOS[band] * energy for band, energy in bands.items()]
    lines += [price * total for price in FUNDS]
    high_use = total >= 260 * capacity_kva
    lines.append(Decimal(32) * 4 * max(quarters.values()) * (Decimal("0.9") if high_use else 1))
    return sum((line.quantize(CENT, ROUND_HALF_UP) for line in lines), Decimal(0))


BATTERY_MAPPING = """
name = "Battery, one day by the second"
source = "made for a test"
park = "battery-day"
zone = "Asia/Shanghai"
[time]
column = "t"
format = "unix_s"
period_s = 1
[csv]
delimiter = ";"
[[devices]]
device = "bat-1"
device_class = "storage"
file = "battery.csv"
ratings = { rated_power_kw = 100 }
[devices.gauges.active_power_kw]
column = "P_W"
factor = "-0.001"
[devices.gauges.soc_pct]
column = "soc"
factor = "100"
"""


def battery_day(folder: Path) -> tuple[float, float]:
    """Power by the second, charging positive in W; gives kWh charged and discharged, by straight lines between them."""
    chance = random.Random(7)
    start = int(datetime(2025, 6, 3, tzinfo=CHINA).timestamp())
    powers, power = [], 0.0
    for second in range(86_401):
        wanted = 80_000 * math.sin(2 * math.pi * second / 43_200)
        power += (wanted - power) * 0.02 + chance.uniform(-600, 600)
        powers.append(round(power))
    rows = [
        (start + second, watts, f"{0.5 + 0.3 * math.sin(second / 9000):.3f}") for second, watts in enumerate(powers)
    ]
    write(folder / "battery.csv", ("t", "P_W", "soc"), rows, ";")
    (folder / "mapping.toml").write_text(BATTERY_MAPPING, "utf-8")
    charged = discharged = 0.0
    for before, after in zip(powers, powers[1:], strict=False):
        charged += above(before, after)
        discharged += above(-before, -after)
    return charged / 3_600_000, discharged / 3_600_000


def above(before: float, after: float) -> float:
    """Area above zero below a straight line of one second."""
    if before >= 0 and after >= 0:
        return (before + after) / 2
    top = max(before, after)
    return top * top / (2 * abs(after - before)) if top > 0 else 0.0


FLEET_MAPPING = """
name = "Twenty roofs"
source = "made for a test"
park = "roofs"
latitude = 22.7
longitude = 114.3
[time]
column = "时间"
period_s = 900
[csv]
blank = ["", "--"]
[[devices]]
device = "inv-{n}"
device_class = "pv_inverter"
each = 20
file = "fleet.csv"
ratings = { rated_power_kw = 60 }
[devices.counters.energy_generated_kwh]
column = "逆变器{n} 日发电量"
resets = "daily"
"""
FLEET_DAYS = 30


def fleet(folder: Path) -> dict[str, Decimal]:
    """A month of daily counters with holes; gives what their displays have shown of each inverter's energy, in kWh.

    Inverters 1 to 10 sleep at night and say nothing. Cells are blank now and then; number 3 is silent from noon to
    three on the fifth day, number 4 from noon of the eighth to ten of the ninth; nobody is read on the twelfth from
    nine to eleven: there are no rows.
    """
    chance = random.Random(20)
    start = datetime(2025, 4, 1, tzinfo=CHINA)
    counts = [[Decimal(0)] * 20 for _ in range(FLEET_DAYS * 96 + 1)]
    for day in range(FLEET_DAYS):
        clouds = [chance.uniform(0.2, 1) for _ in range(20)]
        for quarter in range(1, 96):
            sun = max(0.0, math.sin(math.pi * (quarter / 4 - 6) / 12)) if 24 <= quarter <= 72 else 0.0
            for inverter in range(20):
                gained = Decimal(round(1500 * sun * clouds[inverter] * chance.uniform(0.6, 1))) / 100
                counts[day * 96 + quarter][inverter] = counts[day * 96 + quarter - 1][inverter] + gained
        counts[(day + 1) * 96] = [Decimal(0)] * 20
    rows: list[list[str]] = []
    seen: list[dict[int, Decimal]] = [{} for _ in range(20)]
    for place, shown in enumerate(counts):
        at, day, hour = start + timedelta(minutes=15 * place), place // 96, place % 96 / 4
        if day == 11 and 9 <= hour < 11:
            continue
        cells = []
        for inverter, count in enumerate(shown):
            asleep = inverter < 10 and not 5 <= hour < 20 and place
            silent = (inverter == 2 and day == 4 and 12 <= hour < 15) or (
                inverter == 3 and ((day == 7 and hour >= 12) or (day == 8 and hour < 10))
            )
            if asleep or silent or (6 < hour < 17 and chance.random() < 0.01):
                cells.append(chance.choice(("", "--")))
            else:
                cells.append(f"{count:.2f}")
                seen[inverter][day] = count
        rows.append([at.strftime("%Y-%m-%d %H:%M:%S"), *cells])
    write(folder / "fleet.csv", ("时间", *(f"逆变器{n} 日发电量" for n in range(1, 21))), rows)
    (folder / "mapping.toml").write_text(FLEET_MAPPING, "utf-8")
    return {f"inv-{n}": sum(seen[n - 1].values(), Decimal(0)) for n in range(1, 21)}


CHARGERS_MAPPING = """
name = "Depot at night"
source = "made for a test"
park = "depot"
[time]
column = "timestamp"
period_s = 60
[[devices]]
device = "gun-{n}"
device_class = "charger"
each = 4
file = "chargers.csv"
where = { connector = "C{n}" }
ratings = { rated_power_kw = 120 }
[devices.counters.energy_delivered_kwh]
column = "meter_wh"
factor = "0.001"
[devices.gauges.active_power_kw]
column = "kw"
[devices.gauges.operating_state]
column = "status"
words = { Available = "available", Charging = "charging", Finishing = "finishing" }
"""


@dataclass
class Session:
    device: str
    start: datetime
    end: datetime
    energy_wh: int


def charging(folder: Path) -> list[Session]:
    """Twenty-five nights at four connectors, one session over each midnight; readings by the minute, counted in Wh."""
    chance, rows, sessions = random.Random(100), [], []
    begin = datetime(2025, 5, 1, 12, tzinfo=CHINA)
    for connector in range(1, 5):
        count, planned = 1_000_000 * connector, []
        for night in range(25):
            midnight = begin.replace(hour=0) + timedelta(days=night + 1)
            start = midnight - timedelta(minutes=chance.randint(20, 170))
            end = midnight + timedelta(minutes=chance.randint(15, 200))
            planned.append(Session(f"gun-{connector}", start, end, 0))
        at = begin
        for session in planned:
            while at < session.start:
                rows.append((at, connector, count, 0, "Available"))
                at += timedelta(minutes=1)
            before = count
            while at < session.end:
                energy = chance.randint(300, 1800)
                rows.append((at, connector, count, energy * 60 / 1000, "Charging"))
                count += energy
                at += timedelta(minutes=1)
            session.energy_wh = count - before
            sessions.append(session)
        while at <= begin + timedelta(days=25):
            rows.append((at, connector, count, 0, "Available"))
            at += timedelta(minutes=1)
    heading = ("timestamp", "connector", "meter_wh", "kw", "status")
    cells = [(at.astimezone(UTC).isoformat(), f"C{number}", *shown) for at, number, *shown in rows]
    write(folder / "chargers.csv", heading, cells)
    (folder / "mapping.toml").write_text(CHARGERS_MAPPING, "utf-8")
    return sessions
