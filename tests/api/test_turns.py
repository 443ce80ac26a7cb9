"""Scarce places are given in turn: who asks much waits for itself, not the others for it."""

import asyncio

import psycopg
import pytest

from parkgrid_api.database import Database
from parkgrid_api.figures import Figures
from parkgrid_api.http.turns import ADDRESS, BusyError, Turns
from parkgrid_api.settings import ApiSettings, DatabaseSettings


async def asking(turns: Turns, address: str, done: list[str], go: asyncio.Event) -> None:
    ADDRESS.set(address)
    async with turns.turn():
        done.append(address)
        await go.wait()


async def begun(*coroutines: object) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(each) for each in coroutines]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    return tasks


async def test_one_address_leaves_a_place_and_waits_behind_the_others() -> None:
    turns, done, go = Turns(3, 60), [], asyncio.Event()
    greedy = await begun(*(asking(turns, "a", done, go) for _ in range(20)))
    assert done == ["a", "a"]
    others = await begun(asking(turns, "b", done, go), asking(turns, "c", done, go))
    assert done == ["a", "a", "b"]
    go.set()
    await asyncio.gather(*greedy, *others)
    assert done.index("c") <= 4
    assert done.count("a") == 20
    assert (turns._free, turns._held, turns._waiting) == (3, {}, {})


async def test_a_single_place_goes_round() -> None:
    turns, done, go = Turns(1, 60), [], asyncio.Event()
    tasks = await begun(*(asking(turns, address, done, go) for address in "aaabbc"))
    go.set()
    await asyncio.gather(*tasks)
    assert "".join(done) == "aabcab"


async def test_too_many_of_one_address_are_refused_at_once() -> None:
    turns, done, go = Turns(2, 60), [], asyncio.Event()
    tasks = await begun(*(asking(turns, "a", done, go) for _ in range(65)))
    with pytest.raises(BusyError):
        await asking(turns, "a", done, go)
    go.set()
    await asking(turns, "b", done, go)
    await asyncio.gather(*tasks)


async def test_who_waits_too_long_or_goes_away_leaves_nothing_behind() -> None:
    turns, done, go = Turns(1, 0.01), [], asyncio.Event()
    (holding,) = await begun(asking(turns, "a", done, go))
    with pytest.raises(BusyError):
        await asking(turns, "b", done, go)
    turns._patience_s = 60
    gone, stays = await begun(asking(turns, "b", done, go), asking(turns, "c", done, go))
    gone.cancel()
    go.set()
    await asyncio.gather(holding, stays)
    assert gone.cancelled() or gone.done()
    assert done == ["a", "c"]
    assert (turns._free, turns._held, turns._waiting) == (1, {}, {})


async def test_a_turn_given_to_one_who_goes_is_passed_on() -> None:
    turns, done, go = Turns(1, 60), [], asyncio.Event()
    (holding,) = await begun(asking(turns, "a", done, go))
    gone, stays = await begun(asking(turns, "b", done, go), asking(turns, "c", done, go))
    go.set()
    await holding  # its place goes to b, which is cancelled before it takes it
    gone.cancel()
    await asyncio.gather(gone, stays, return_exceptions=True)
    assert done[-1] == "c"
    assert (turns._free, turns._held, turns._waiting) == (1, {}, {})


async def test_one_address_does_not_take_all_sessions_of_the_database(dsn: str) -> None:
    config = ApiSettings(DatabaseSettings(dsn, connections=2, figure_connections=2))
    database, figures = Database(config.database), Figures(config)
    await database.open()
    await figures.open()
    await database._pool.resize(2, 2)
    await database._pool.wait(60)
    figures._pool.resize(2, 4)
    await asyncio.to_thread(figures._pool.wait, 60)

    async def slow() -> None:
        ADDRESS.set("a")
        await database.rows(b"SELECT pg_sleep(3)")

    async def slow_figure() -> None:
        ADDRESS.set("a")
        await figures.ask(lambda connection: connection.execute("SELECT pg_sleep(20)"))

    greedy = [asyncio.create_task(each()) for each in (slow, slow_figure) for _ in range(20)]
    await asyncio.sleep(0)
    ADDRESS.set("b")
    assert await database.rows(b"SELECT 1 AS one") == [{"one": 1}]
    assert await figures.ask(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
    assert not any(task.done() and task.exception() is None for task in greedy[20:])
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()"
        )
    await database.close()
    await figures.close()
