"""Whether this database holds what was acknowledged: one that does not was restored from a backup, and says so.

A claim is what a gateway was told of its batches, or the last acknowledgement that the broker kept. Every commit stores
its watermarks with its rows and is acknowledged after it, so a claim beyond them can only come from a later life of the
database. What the claim covers may come again: it is not passed as dropped meanwhile.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Mark, Restored
from parkgrid_ingest.rows import BatchHeader, Older
from parkgrid_ingest.sql import statement

Claims = dict[tuple[Gateway, int], int]
"""The highest seq of each epoch of a gateway that is said to be committed."""


def claims_of(headers: Iterable[BatchHeader]) -> Claims:
    """What these batches say is committed."""
    claims: Claims = {}
    for header in headers:
        if header.acked is not None:
            key = (header.gateway, header.acked[0])
            claims[key] = max(claims.get(key, 0), header.acked[1])
    return claims


def older(connection: psycopg.Connection[Any], claims: Claims, known: Mapping[tuple[Gateway, int], int]) -> list[Older]:
    """The claims that the store cannot confirm, written down; `known` are watermarks that were read already."""
    unknown = sorted(claims.keys() - known.keys())
    held = {**known, **_throughs(connection, unknown)} if unknown else known
    lacking = sorted(key for key, seq in claims.items() if held.get(key, 0) < seq)
    return [_noted(connection, gateway, (epoch, claims[gateway, epoch])) for gateway, epoch in lacking]


def _throughs(
    connection: psycopg.Connection[Any], keys: Iterable[tuple[Gateway, int]]
) -> dict[tuple[Gateway, int], int]:
    columns = [(gateway.park, gateway.gateway, epoch) for gateway, epoch in keys]
    rows = connection.execute(statement("through_of_epochs"), tuple(map(list, zip(*columns, strict=True))))
    return {(Gateway(park, gateway), epoch): through for park, gateway, epoch, through in rows}


def _noted(connection: psycopg.Connection[Any], gateway: Gateway, claim: Mark) -> Older:
    values = {"park": gateway.park, "gateway": gateway.gateway, "epoch": claim[0], "through": claim[1]}
    row = connection.execute(statement("note_older"), values).fetchone()
    if row is None:
        return Older(gateway, Restored(claim, None), is_news=False)
    epoch, through, is_news = row
    return Older(gateway, Restored(claim, None if epoch is None else (epoch, through)), is_news)
