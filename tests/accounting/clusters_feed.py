"""Stated outputs, enterprises and metered energy of a test: written the way they come in, except the intervals."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from openpyxl import Workbook

from parkgrid_accounting.clusters.intake import Taken, take_enterprises, take_outputs
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway, MeteringPoint
from parkgrid_contract.signals import CATALOGUE
from parkgrid_domain.clusters.output_file import COLUMNS
from parkgrid_ingest.store import Park
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings

NOW = datetime(2026, 11, 25, 4, tzinfo=UTC)
EPOCH = 1_800_000_000_000_000
GATEWAY = Gateway("gaoxin-nan", "gw-1")
HEADINGS = [column.heading for column in COLUMNS]
# One-hour-a-day figures would do; days keep the tables small: 91 rows a register and quarter.
DAY_S = 86_400

OUTPUT_100M = {
    "intelligent-connected-vehicles": "850.30",
    "semiconductors-ic": "45.5",
    "high-end-medical-devices": "27.25",
    "biomedicine": "40",
    "new-energy": "150.75",
    "smart-terminals": "100",
    "cells-genes": "3.2",
    "low-altitude-aerospace": "5",
    "culture-sports-tourism": "2.125",
}
"""The second quarter of 2024 of the nine clusters in 亿元."""


def workbook(path: Path, rows: Sequence[Sequence[Any]], headings: Sequence[str] = HEADINGS) -> Path:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "季度产值 Output"
    sheet.append(list(headings))
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def quarter_rows(quarter: str = "2024-Q2", factor: int = 1) -> list[list[Any]]:
    return [
        [cluster, quarter, "当季", str(float(output) * factor), "亿元", f"区统计局 {quarter} 快报", ""]
        for cluster, output in OUTPUT_100M.items()
    ]


def outputs(dsn: str, path: Path, **more: Any) -> Taken:
    return take_outputs(dsn, path, "李伟", NOW, **more)


def enterprises(dsn: str, path: Path, **more: Any) -> Taken:
    return take_enterprises(dsn, path, "李伟", NOW, **more)


def accounts_file(path: Path, rows: Sequence[str]) -> Path:
    heading = "企业标识,产业集群,占集群产值比例,园区,用电户号,用电份额,起始月,截止月,来源"
    path.write_text("\n".join([heading, *rows]), "utf-8")
    return path


class Meters:
    """Devices of one park, each with its account, and daily energies in their registers."""

    def __init__(self, dsn: str, devices: dict[str, tuple[str, str]]) -> None:
        self.dsn = dsn
        store = open_store(dsn, StoreSettings())
        store.describe_park(Park(GATEWAY.park, "pingshan", "高新南", "Gaoxin South"))
        announced = tuple(
            Device(
                name,
                kind,
                tuple(CATALOGUE[kind].by_name),
                name=name,
                period_s=1.0,
                point=MeteringPoint(account=account),
            )
            for name, (kind, account) in devices.items()
        )
        self.known = store.register(GATEWAY, Birth("0.1.0", EPOCH, 1_600_000_000_000, announced, simulated=False))
        store.close()
        with psycopg.connect(dsn, autocommit=True) as connection:
            # What was metered in 2023 was there in 2023.
            connection.execute("UPDATE base.device SET first_seen_at = '2022-01-01T00:00Z'")

    def month(self, device: str, signal: str, month: date, kwh: int, days: int | None = None) -> None:
        """Energy of a month, the same every day; only the first days of it when their number is given."""
        length = monthrange(month.year, month.month)[1]
        each_wh, rest = divmod(kwh * 1000, length)
        assert rest == 0, "choose an amount that the days of the month divide"
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            register = connection.execute(
                "INSERT INTO base.register (park_id, device_id, signal, period_s, method) "
                "SELECT park_id, device_id, %s, %s, 'register' FROM base.device WHERE device_id = %s "
                "ON CONFLICT (park_id, device_id, signal) DO UPDATE SET period_s = excluded.period_s "
                "RETURNING park_id, register_id",
                (signal, DAY_S, self.known[device][0]),
            ).fetchone()
            connection.execute(
                "INSERT INTO base.interval_energy"
                " (at, energy_wh, changed_at, park_id, register_id, period_s, expected, received,"
                " valid, estimated, late, revision, quality, cause) "
                "SELECT (day::timestamp AT TIME ZONE 'Asia/Shanghai'),"
                " %s, now(), %s, %s, %s, 96, 96, 96, 0, 0, 1, 1, 'new' "
                "FROM generate_series(%s::date, %s::date + %s::int4 - 1, '1 day') AS day",
                (each_wh, *register, DAY_S, month, month, days or length),
            )
            connection.execute("SELECT base.move_days(park_id) FROM base.park")

    def quarter(self, device: str, signal: str, months: Sequence[date], kwh_per_day: int) -> None:
        for month in months:
            self.month(device, signal, month, kwh_per_day * monthrange(month.year, month.month)[1])
