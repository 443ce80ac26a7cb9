"""Charging sessions as a frame: one a row, the origins beside the energy that they make up."""

from collections.abc import Callable
from datetime import datetime

import pytest

from parkgrid_client import Client
from tests.accounting.conftest import park
from tests.api.charging_day import charged
from tests.api.conftest import Served, serve
from tests.metering.park import Metering

__all__ = ["park", "serve"]
ORIGINS = ["from_pv_kwh", "from_storage_kwh", "from_grid_kwh"]


def test_sessions_as_a_frame(park: Metering, serve: Callable[..., Served]) -> None:
    charged(park)
    with Client(serve().url) as grid:
        frame = grid.sessions("gaoxin-nan", "2026-03-05T00:00+08:00", "2026-03-06T00:00+08:00")
        other = grid.sessions("gaoxin-nan", "2026-03-05T00:00+08:00", "2026-03-06T00:00+08:00", device="gun-2")
        none = grid.sessions("gaoxin-nan", "2026-03-03T00:00+08:00", "2026-03-04T00:00+08:00")
    assert frame["device"].tolist() == ["gun-1", "gun-2", "gun-1"]
    assert frame["start"].iloc[0] == datetime.fromisoformat("2026-03-05T10:00+08:00")
    assert str(frame["start"].dtype) == "datetime64[ms, Asia/Shanghai]"
    assert frame.loc[0, ORIGINS].tolist() == pytest.approx([4.5, 1.8, 2.7])  # as in charging_day.py
    whole = frame[ORIGINS].sum(axis=1) + frame["unattributed_kwh"]
    assert whole[:2].tolist() == pytest.approx(frame["energy_kwh"][:2])
    # The last one is still under way: an origin of it is not known.
    assert frame.loc[2, ORIGINS].isna().all()
    assert frame["displayed_kwh"].isna().all()
    told = [frame.attrs[name] for name in ("registers_kwh", "in_sessions_kwh", "outside_sessions_kwh")]
    assert told == [25.5, 25.5, 0]
    assert frame.attrs["units"]["from_pv_kwh"] == "kWh"
    assert frame.attrs["units"]["peak_kw"] == "kW"
    assert other["returned_kwh"].tolist() == pytest.approx([7.5])
    assert len(none) == 0
    assert list(none.columns) == list(frame.columns)
