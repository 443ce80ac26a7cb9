"""The only file that imports influxdb-client: writing lines and asking Flux queries, its errors in our words."""

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from parkgrid_contract.refusal import shorten
from parkgrid_exchange.answers import lines
from parkgrid_exchange.errors import InfluxError

try:
    from influxdb_client.client.flux_csv_parser import (
        FluxCsvParser,
        FluxCsvParserException,
        FluxQueryException,
        FluxSerializationMode,
    )
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import SYNCHRONOUS
    from influxdb_client.domain.write_precision import WritePrecision
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError
except ImportError:  # pragma: no cover  (the extra is installed where the tests run; a subprocess tests this way)
    _MISSING: str | None = (
        "influxdb-client is not installed: install parkgrid with its extra, `pip install 'parkgrid[influx]'`"
    )
else:
    _MISSING = None

_TIMEOUT_MS = 60_000


class Influx:
    """One server and bucket. Raises `InfluxError` when the client is not installed."""

    def __init__(self, url: str, bucket: str, org: str = "", token: str = "") -> None:
        if _MISSING:
            raise InfluxError(_MISSING)
        self.url, self._bucket, self._org = url, bucket, org or "-"
        # The client refuses to start without any token; servers that ask for none ignore it.
        self._client: Any = InfluxDBClient(
            url, token=token or "none", org=self._org, timeout=_TIMEOUT_MS, enable_gzip=True
        )
        self._writing: Any = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, lines: Sequence[str]) -> None:
        """Write lines with timestamps in milliseconds; returns when the server has taken them."""
        with _told(self.url):
            self._writing.write(self._bucket, self._org, list(lines), write_precision=WritePrecision.MS)

    def query(self, flux: str) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
        """Time and columns of every record that a Flux query answers."""
        with _told(self.url):
            raw: Any = self._client.query_api().query_raw(flux, self._org)
            # A reader around it asks once more at the end (urllib3, "Using io Wrappers with Response Content").
            raw.auto_close = False
            with contextlib.closing(raw):
                answer = lines(io.BufferedReader(raw), self.url)
                parser: Any = FluxCsvParser(answer, FluxSerializationMode.stream)
                for record in parser.generator():
                    yield record.values.get("_time"), record.values

    def close(self) -> None:
        """End the connections."""
        self._writing.close()
        self._client.close()


def _odd() -> tuple[type[Exception], ...]:
    """What the client's parser raises on an answer that is none."""
    parser = (FluxCsvParserException, FluxQueryException, csv.Error)
    return (*parser, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        said = str(error.body or error.reason or "").strip()[:300]
        remedy = "check the token and its rights" if error.status in {401, 403} else "check address, org and bucket"
        raise InfluxError(f"{url} answers {error.status} {said}: {remedy}") from error
    except _odd() as error:
        raise InfluxError(f"the answer of {url} cannot be read ({shorten(str(error))}): is it InfluxDB 2?") from error
    except (HTTPError, OSError) as error:
        raise InfluxError(f"{url} cannot be reached ({error}): is the server running there?") from error
