"""How long a store keeps what, and how long it waits."""

from dataclasses import dataclass

from parkgrid_contract.settings import above, at_least, setting


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of a store. Days that are kept count back from each park's own newest day, not from today's date."""

    raw_days: int = setting(730, help="days of raw rows to keep; 0 keeps them for ever", check=at_least(0, "days"))
    rollup_1m_days: int = setting(0, help="days of 1-minute roll-ups to keep; 0 = for ever", check=at_least(0, "days"))
    rollup_15m_days: int = setting(0, help="days of 15-minute roll-ups to keep; 0 = for ever", check=at_least(0))
    removal_notice_days: int = setting(
        7, help="days between the announcement of a removal and the removal", check=at_least(1, "day")
    )
    quarantine_rows: int = setting(
        100_000,
        help="rows of quarantine kept one by one, older ones are summed up; and conflicts kept",
        check=at_least(100, "rows"),
    )
    frozen_writer_s: float = setting(
        10.0, help="seconds after which a writer that stopped inside a transaction is fenced off", check=above(0, "s")
    )
    lock_timeout_s: float = setting(5.0, help="longest wait for another writer's lock", check=above(0, "s"))
    statement_timeout_s: float = setting(60.0, help="longest single statement", check=above(0, "s"))
    connect_timeout_s: int = setting(5, help="longest wait for a connection", check=at_least(1, "s"))
    rollup_chunk: int = setting(
        20_000, help="1-minute buckets recomputed in one transaction", check=at_least(1, "bucket")
    )
