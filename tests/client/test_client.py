"""pandas users and a real api: tidy frames with units and zones, nothing invented, refusals in words."""

import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal

import pytest

from parkgrid_accounting.bills.bill import bill_of
from parkgrid_client import Client, ClientError
from tests.accounting.billing import At
from tests.accounting.february import ACCOUNT, AFTER, MONTH, Month, february, kept_month
from tests.api.conftest import Served, serve

__all__ = ["february", "kept_month", "serve"]
START, END = "2026-02-01T00:00+08:00", "2026-03-01T00:00+08:00"


@pytest.fixture
def dsn(february: Month) -> str:
    return february.dsn


@pytest.fixture
def grid(serve: Callable[..., Served]) -> Iterator[Client]:
    with Client(serve().url) as client:
        yield client


def test_a_month_as_frames(grid: Client, february: Month) -> None:
    assert grid.parks()["park"].tolist() == ["gaoxin-nan"]
    devices = grid.devices("gaoxin-nan").set_index("device")
    assert devices.loc["grid-1", "account"] == ACCOUNT
    assert devices["period_s"].tolist() == [300.0, 300.0]

    frame = grid.intervals("gaoxin-nan", START, END)
    assert len(frame) == 3 * 28 * 96
    assert str(frame["at"].dtype) == "datetime64[ms, Asia/Shanghai]"
    assert frame.attrs["units"]["energy_kwh"] == "kWh"
    assert frame.attrs["park"] == "gaoxin-nan"
    assert not frame.duplicated(["device", "signal", "at"]).any()
    for (device, signal), energy_kwh in frame.groupby(["device", "signal"])["energy_kwh"].sum().items():
        assert energy_kwh == pytest.approx(february.kwh((device, signal)), abs=1e-6)

    days = grid.intervals("gaoxin-nan", START, END, resolution="1d", device_class="pv_inverter")
    assert len(days) == 28
    assert days["at"].dt.hour.eq(0).all()
    assert days["energy_kwh"].sum() == pytest.approx(february.kwh(("pv-1", "energy_generated_kwh")), abs=1e-6)


def test_what_is_not_known_is_nan(grid: Client) -> None:
    march = grid.intervals("gaoxin-nan", "2026-03-05T00:00+08:00", "2026-03-06T00:00+08:00", device="pv-1")
    assert len(march) == 96
    assert march["energy_kwh"].isna().all()
    assert set(march["quality"]) == {"missing"}


def test_indicators_are_one_a_row(grid: Client, february: Month) -> None:
    frame = grid.indicators("gaoxin-nan", "2026-02").set_index("name")
    took, gave = (february.kwh(("grid-1", f"energy_{way}_kwh")) for way in ("import", "export"))
    pv = february.kwh(("pv-1", "energy_generated_kwh"))
    assert frame.loc["consumption_kwh", "value"] == pytest.approx(took - gave + pv)
    assert math.isnan(frame.loc["performance_ratio", "value"])
    assert frame.loc["performance_ratio", "unavailable"]
    assert frame.attrs["units"]["coverage_pct"] == "%"
    (only,) = grid.indicators("gaoxin-nan", "2026-02", ["load_factor"])["name"]
    assert only == "load_factor"
    told = grid.trace(frame.loc["consumption_kwh", "address"])
    assert told["equal"]


def test_a_bill_is_exact(grid: Client, february: Month) -> None:
    with february.connection() as connection:
        expected = bill_of(connection, ACCOUNT, "2026-02", clock=At(AFTER))
    frame = grid.bill(ACCOUNT, "2026-02")
    assert frame["amount_cny"].tolist() == [line.amount_cny for line in expected.lines]
    assert isinstance(frame["amount_cny"].iloc[0], Decimal)
    assert frame.attrs["total_cny"] == {expected.plan_id: str(expected.total_cny)}


def test_completeness_and_clusters(grid: Client) -> None:
    frame = grid.completeness("gaoxin-nan", "2026-02")
    assert frame["coverage_pct"].tolist() == pytest.approx([100 * (8_064 - 26) / 8_064] * 3)
    assert frame.attrs["score_pct"] == pytest.approx(100 * (8_064 - 26) / 8_064)
    clusters = grid.clusters("2026-Q1")
    assert clusters["cluster"].nunique() == 9
    assert clusters["value"].dtype == "float64"
    assert not clusters.duplicated(["cluster", "name"]).any()


def test_history_is_asked_for_in_parts(serve: Callable[..., Served], february: Month) -> None:
    with Client(serve(PARKGRID_API_LIMITS_ROWS="1000").url) as grid:
        frame = grid.history(
            "gaoxin-nan", "gw-1", "pv-1", START, "2026-03-01T00:05+08:00", ["energy_generated_kwh"], "raw", 900
        )
    # 8,064 steps make 8,065 readings, of which the outage took 26.
    assert len(frame) == 8_065 - 26
    assert frame["at"].is_monotonic_increasing
    assert frame["at"].iloc[0] == datetime.fromisoformat(START)
    assert frame.attrs["units"] == {"energy_generated_kwh": "kWh"}
    counted = frame["energy_generated_kwh"].iloc[-1] - frame["energy_generated_kwh"].iloc[0]
    assert counted == pytest.approx(february.kwh(("pv-1", "energy_generated_kwh")), abs=1e-6)


def test_refusals_are_told_in_words(grid: Client) -> None:
    with pytest.raises(ClientError, match="There is no such park") as refusal:
        grid.devices("nowhere")
    assert refusal.value.status == 404
    with pytest.raises(ClientError, match="resolution '2h': must be one of 15m, 1h, 1d, 1mo"):
        grid.intervals("gaoxin-nan", START, END, resolution="2h")
    with pytest.raises(ClientError, match="has no time zone"):
        grid.intervals("gaoxin-nan", "2026-02-01", END)
    with pytest.raises(ClientError, match="is not an indicator"):
        grid.indicators("gaoxin-nan", "2026-02", ["happiness"])
    assert MONTH.text == "2026-02"


@pytest.mark.timing
def test_nobody_there_and_somebody_else(free_port: Callable[[], int]) -> None:
    started = time.monotonic()
    with Client(f"http://127.0.0.1:{free_port()}") as grid, pytest.raises(ClientError, match="does not answer"):
        grid.parks()
    assert time.monotonic() - started < 10


def test_a_token_is_sent(serve: Callable[..., Served]) -> None:
    token = "Zk3v9QmT7xW2bN8rJ5hL1cY6dF4gS0aP"  # noqa: S105 - of this test alone
    url = serve(PARKGRID_API_TOKEN=token).url
    with Client(url, token) as grid:
        assert len(grid.parks()) == 1
    with Client(url) as grid, pytest.raises(ClientError, match="A token is needed"):
        grid.parks()
