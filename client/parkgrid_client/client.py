"""Figures of parks as pandas frames, from a running api.

    from parkgrid_client import Client

    with Client("http://127.0.0.1:8080") as grid:
        november = grid.intervals("gaoxin-nan", "2026-11-01T00:00+08:00", "2026-12-01T00:00+08:00")
        november.groupby("device")["energy_kwh"].sum()

Every frame is tidy: one observation a row, times that know their zone, numbers whose column's name ends in the unit;
`frame.attrs["units"]` says the unit of each column, and nothing known is NaN, never 0.
"""

import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import quote

from parkgrid_contract.extras import extra

with extra("parkgrid[analytics]"):
    import httpx
    import pandas as pd

Instant: TypeAlias = datetime | pd.Timestamp | str
"""An instant with its zone; a text as in ISO 8601."""
_TIMEOUT_S = 120.0
_PROBLEM = "application/problem+json"
_SPACING_S = {"1m": 60.0, "15m": 900.0, "1d": 86_400.0}
_UNITS = {"pct": "%", "kwh": "kWh", "kvarh": "kvarh", "kw": "kW", "cny": "CNY", "s": "s"}


class ClientError(Exception):
    """The api did not answer the question; the message says why and what would be right."""

    def __init__(self, message: str, status: int | None = None, problems: Iterable[Mapping[str, str]] = ()) -> None:
        self.status = status
        """The HTTP status; None when there was no answer."""
        self.problems = tuple(problems)
        """Field, value and remedy of every mistake."""
        super().__init__(message)


class Client:
    """A connection to an api.

    >>> with Client("http://127.0.0.1:8080") as grid:  # doctest: +SKIP
    ...     grid.parks()["park"].tolist()
    ['gaoxin-nan']
    """

    def __init__(self, base_url: str, token: str | None = None, timeout_s: float = _TIMEOUT_S) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{base_url.rstrip('/')}/api/v1", headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def parks(self) -> pd.DataFrame:
        """Every park: name, district, time zone, how many gateways and devices.

        >>> grid.parks().set_index("park")["devices"]  # doctest: +SKIP
        """
        return _framed(self._json("/parks")["parks"])

    def devices(self, park: str) -> pd.DataFrame:
        """The devices of a park with class, period and place in the grid (station, line, transformer, account).

        >>> grid.devices("gaoxin-nan").query("device_class == 'pv_inverter'")  # doctest: +SKIP
        """
        frame = _framed(self._json(f"/parks/{_path(park)}/devices")["devices"])
        return _with_times(frame, "UTC")

    def intervals(
        self, park: str, start: Instant, end: Instant, resolution: str = "15m", **filters: str
    ) -> pd.DataFrame:
        """Energies by interval (`15m`), hour (`1h`), local day (`1d`) or month (`1mo`); one register and slot a row.

        Filters: gateway, device, device_class, signal, line, transformer, account. Travels as Parquet, so years are
        fine. Slots of which nothing is known are there, with NaN and quality `missing`.

        >>> frame = grid.intervals("gaoxin-nan", "2026-11-01T00:00+08:00", "2026-12-01T00:00+08:00",
        ...                        resolution="1d", device_class="pv_inverter")  # doctest: +SKIP
        >>> frame.pivot(index="at", columns="device", values="energy_kwh")  # doctest: +SKIP
        """
        query = {"from": _instant(start), "to": _instant(end), "resolution": resolution, **filters}
        return self._table(f"/parks/{_path(park)}/intervals", query)

    def revisions(self, park: str, start: Instant, end: Instant, **filters: str) -> pd.DataFrame:
        """The former values of corrected intervals, each with who superseded it and why."""
        query = {"from": _instant(start), "to": _instant(end), **filters}
        return self._table(f"/parks/{_path(park)}/intervals/revisions", query)

    def sessions(self, park: str, start: Instant, end: Instant, **filters: str) -> pd.DataFrame:
        """The charging sessions that began in a span; one session a row, with what it took from each origin in kWh.

        `from_pv_kwh`, `from_storage_kwh`, `from_grid_kwh` and `unattributed_kwh` (sources not known, or not metered
        yet) make up `energy_kwh`; what the vehicle gave back is `returned_kwh`. They are NaN while a session is under
        way. `attrs["registers_kwh"]` is what the registers counted in the span: `attrs["in_sessions_kwh"]` of sessions
        and `attrs["outside_sessions_kwh"]` of none. Filters: gateway, device, line, transformer, account.

        >>> frame = grid.sessions("gaoxin-nan", "2026-11-01T00:00+08:00", "2026-12-01T00:00+08:00")  # doctest: +SKIP
        >>> frame.groupby("device")[["from_pv_kwh", "from_storage_kwh", "from_grid_kwh"]].sum()  # doctest: +SKIP
        """
        query = {"from": _instant(start), "to": _instant(end), **filters}
        return self._table(f"/parks/{_path(park)}/sessions", query)

    def indicators(self, park: str, period: str, names: Iterable[str] = (), **filters: str) -> pd.DataFrame:
        """Indicators of a park over a period (2026-11-25, 2026-11, 2026-Q4, 2026); one indicator a row.

        `value` is NaN where `unavailable` says why; each row has its own `unit`. Filters: gateway with device, line,
        transformer, account.

        >>> grid.indicators("gaoxin-nan", "2026-11").set_index("name")["value"]  # doctest: +SKIP
        """
        chosen = {"names": ",".join(names)} if not isinstance(names, str) else {"names": names}
        query = {"period": period, **({name: told for name, told in chosen.items() if told}), **filters}
        return self._table(f"/parks/{_path(park)}/indicators", query)

    def bill(self, account: str, month: str, revision: int | None = None, plan: str | None = None) -> pd.DataFrame:
        """The lines of an account's bill for a month; amounts are exact `Decimal`s.

        With `plan`, the lines under that plan follow, told apart by `plan_id`. `attrs["total_cny"]` holds the totals.

        >>> grid.bill("0400123", "2026-11").groupby("plan_id")["amount_cny"].sum()  # doctest: +SKIP
        """
        asked = {"revision": None if revision is None else str(revision), "plan": plan}
        query = {name: told for name, told in asked.items() if told is not None}
        frame = self._table(f"/accounts/{_path(account)}/bills/{_path(month)}", query)
        totals = {name: str(sum(lines["amount_cny"], Decimal(0))) for name, lines in frame.groupby("plan_id")}
        frame.attrs["total_cny"] = totals
        return frame

    def clusters(self, quarter: str | None = None) -> pd.DataFrame:
        """Figures of the industrial clusters in a quarter; one figure of one cluster a row.

        >>> grid.clusters("2026-Q3").query("name == 'intensity'")[["cluster", "value", "unit"]]  # doctest: +SKIP
        """
        told = self._json("/clusters", {"quarter": quarter} if quarter else {})
        rows = [
            {"quarter": told["quarter"], "cluster": cluster["cluster"], "cluster_zh": cluster["name_zh"], **figure}
            for cluster in told["clusters"]
            for figure in cluster["figures"]
        ]
        frame = _framed(rows)
        return frame.astype({"value": "float64"}) if len(frame) else frame

    def completeness(self, park: str, period: str) -> pd.DataFrame:
        """How much of what should have come from each register came; `attrs["score_pct"]` is the park's score."""
        told = self._json(f"/parks/{_path(park)}/completeness", {"period": period})
        frame = _framed(told["registers"])
        frame.attrs["score_pct"] = told["score_pct"]
        return frame

    def history(
        self,
        park: str,
        gateway: str,
        device: str,
        start: Instant,
        end: Instant,
        signals: Iterable[str] = (),
        resolution: str = "1m",
        rows_per_request: int = 10_000,
    ) -> pd.DataFrame:
        """Readings of a device: raw, or by minute (`1m`), quarter hour (`15m`) or day (`1d`); one instant a row.

        A raw signal is a column of its own name; a roll-up has `…_mean`, `…_min`, `…_max` of a gauge and `…_first`,
        `…_last` of a register. Longer histories are asked for in as many parts as it takes.

        >>> grid.history("gaoxin-nan", "gw-1", "pv-1", "2026-11-23T00:00+08:00", "2026-11-24T00:00+08:00",
        ...              ["active_power_kw"])  # doctest: +SKIP
        """
        path = f"/devices/{_path(park)}/{_path(gateway)}/{_path(device)}/history"
        zone = self._zone(park)
        chosen = {"signals": told} if (told := ",".join(signals)) else {}
        step = pd.Timedelta(seconds=rows_per_request * self._spacing_s(park, gateway, device, resolution))
        parts = [pd.DataFrame({"at_ms": pd.Series(dtype="int64")})]
        low, stop = pd.Timestamp(_instant(start)), pd.Timestamp(_instant(end))
        while low < stop:
            high = min(low + step, stop)
            answer = self._json(path, {"from": _instant(low), "to": _instant(high), "resolution": resolution, **chosen})
            parts.append(_curves(answer["history"]))
            truncated = answer["truncated"]
            low = pd.Timestamp(answer["next_from_ms"], unit="ms", tz="UTC") if truncated else high
        frame = pd.concat([part for part in parts if len(part)] or parts[-1:], ignore_index=True)
        frame.insert(0, "device", device)
        return _noted(_with_times(frame, zone), self._signal_units(frame.columns))

    def trace(self, address: str) -> dict[str, Any]:
        """Where a figure came from and whether it comes out again: the document of `/api/v1/trace/{address}`.

        >>> grid.trace("indicator/gaoxin-nan/self_consumption_ratio/2026-11")["equal"]  # doctest: +SKIP
        True
        """
        return self._json(f"/trace/{quote(address, safe='/%@:=+')}")

    def _spacing_s(self, park: str, gateway: str, device: str, resolution: str) -> float:
        """How far rows of a history lie apart; a raw one's is the device's period."""
        if resolution in _SPACING_S:
            return _SPACING_S[resolution]
        known = self._json(f"/parks/{_path(park)}/devices")["devices"]
        found = [each["period_s"] for each in known if (each["gateway"], each["device"]) == (gateway, device)]
        return max(1.0, min(found, default=1.0))

    def _zone(self, park: str) -> str:
        return str(self._json(f"/parks/{_path(park)}")["time_zone"])

    def _signal_units(self, columns: Iterable[str]) -> dict[str, str]:
        classes = self._json("/signals")["classes"]
        known = {signal["name"]: signal["unit"] for signals in classes.values() for signal in signals}
        found = {name: known.get(name) or known.get(name.rpartition("_")[0]) for name in columns}
        return {name: unit for name, unit in found.items() if unit}

    def _json(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = self._http.get(path, params=dict(query or {}))
        except httpx.HTTPError as error:
            raise _unreached(self._http.base_url, error) from error
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer)
        try:
            told = answer.json()
        except ValueError:
            raise ClientError(f"{answer.url} did not answer with JSON: is this the address of an api?") from None
        return dict(told)

    def _table(self, path: str, query: Mapping[str, str]) -> pd.DataFrame:
        """A table as Parquet, kept in a file while it comes when it is long."""
        import pyarrow.parquet as pq

        with tempfile.SpooledTemporaryFile(max_size=64 << 20) as file:
            try:
                with self._http.stream("GET", path, params={**query, "format": "parquet"}) as answer:
                    if answer.status_code != httpx.codes.OK:
                        answer.read()
                        raise _refusal(answer)
                    for piece in answer.iter_bytes():
                        file.write(piece)
            except httpx.HTTPError as error:
                raise _unreached(self._http.base_url, error) from error
            file.seek(0)
            table = pq.read_table(file)
        units = {
            field.name: field.metadata[b"unit"].decode() for field in table.schema if b"unit" in (field.metadata or {})
        }
        frame = table.replace_schema_metadata(None).to_pandas()
        frame.attrs.update(json.loads((table.schema.metadata or {}).get(b"parkgrid", b"{}")))
        return _noted(frame, units)


def _path(part: str) -> str:
    return quote(part, safe="")


def _instant(instant: Instant) -> str:
    moment = pd.Timestamp(instant)
    if moment.tzinfo is None:
        raise ClientError(f"{instant!r} has no time zone: state one, for example {moment.isoformat()}+08:00")
    return moment.isoformat()


def _framed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    return _noted(frame, {name: _UNITS[end] for name in frame.columns if (end := name.rpartition("_")[2]) in _UNITS})


def _noted(frame: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    frame.attrs["units"] = dict(units)
    return frame


def _curves(history: Mapping[str, Any]) -> pd.DataFrame:
    columns: dict[str, Any] = {"at_ms": history["at_ms"]}
    for signal, curve in history["curves"].items():
        for part, values in curve.items():
            columns[signal if part == "value" else f"{signal}_{part}"] = pd.array(values, dtype="float64")
    return pd.DataFrame(columns)


def _with_times(frame: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Milliseconds since the epoch as times of a zone; the column loses its `_ms`."""
    for name in [name for name in frame.columns if name.endswith("_ms")]:
        frame[name] = pd.to_datetime(frame[name], unit="ms", utc=True).dt.tz_convert(zone)
    return frame.rename(columns=lambda name: name.removesuffix("_ms"))


def _unreached(url: httpx.URL, error: Exception) -> ClientError:
    return ClientError(f"{url} does not answer ({error}): is the api running there? `parkgrid up` starts one")


def _refusal(answer: httpx.Response) -> ClientError:
    """The api's problem object as one sentence; any other answer as its status."""
    if not answer.headers.get("content-type", "").startswith(_PROBLEM):
        return ClientError(f"{answer.url} answered {answer.status_code}", answer.status_code)
    problem = answer.json()
    told = "; ".join(f"{each['field']} {each['value']!r}: {each['remedy']}" for each in problem["problems"])
    return ClientError(f"{problem['title']} {told}".strip(), answer.status_code, problem["problems"])
