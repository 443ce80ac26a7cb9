"""Who may ask, by which name, and what every answer says to the browser."""

from pathlib import Path

import pytest

from parkgrid_api.page import Page
from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_contract.settings import SettingsError, load
from tests.api.conftest import Api, running

TOKEN = "4f1c0de29b7a83566ed0b1f7c9a25e38"  # noqa: S105 - of these tests only
DSN = "postgresql://nobody@127.0.0.1:1/none"


def settings_of(**environment: str) -> ApiSettings:
    given = {f"PARKGRID_API_{name}": value for name, value in environment.items()}
    return load(ApiSettings, None, {"PARKGRID_API_DATABASE_DSN": DSN, **given}, "api")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(HOST=host)
    (problem,) = caught.value.problems
    assert (problem.key, problem.value) == ("host", host)
    assert settings_of(HOST=host, TOKEN=TOKEN).bearer == TOKEN


@pytest.mark.parametrize("token", ["short", "a" * 64, "changeme-changeme-changeme-changeme-1234567"])
def test_a_weak_token_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(TOKEN=token)
    assert token not in str(caught.value)


def test_a_token_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    path = tmp_path / "api.toml"
    path.write_text(f'token_file = "{secret}"\nhost = "0.0.0.0"\n[database]\ndsn = "{DSN}"\n')
    assert load(ApiSettings, path, {}, "api").bearer == TOKEN
    secret.unlink()
    with pytest.raises(SettingsError, match="token_file"):
        load(ApiSettings, path, {}, "api")


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "api.toml"
    path.write_text("prot = 1\nport = 0\n[database]\ndsn = 5\n[stream]\ntick_s = 0.1\n")
    with pytest.raises(SettingsError) as caught:
        load(ApiSettings, path, {}, "api")
    assert {problem.key for problem in caught.value.problems} == {"prot", "port", "database.dsn", "stream.tick_s"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"])
async def test_loopback_names_are_served(api: Api, host: str) -> None:
    assert (await api.client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", ""])
async def test_a_foreign_name_is_refused(api: Api, host: str) -> None:
    answer = await api.client.get("/api/v1/parks", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["problems"][0]["field"] == "Host"


async def test_a_header_that_must_stand_once(api: Api) -> None:
    for name, value in (("Host", "localhost"), ("Authorization", "Bearer x")):
        answer = await api.client.get("/healthz", headers=[("Host", "localhost"), (name, value), (name, value)])
        assert answer.status_code == 400, name
        assert answer.json()["problems"][0]["field"] == name.lower()


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = settings_of(TOKEN=TOKEN, DATABASE_DSN="postgresql://api:hidden-word@127.0.0.1/parkgrid")
    assert TOKEN not in repr(settings)
    assert "hidden-word" not in repr(settings)
    path = tmp_path / "api.toml"
    path.write_text('token = ["hidden-word"]\n[database]\ndsn = {url = "hidden-word"}\n')
    with pytest.raises(SettingsError) as caught:
        load(ApiSettings, path, {}, "api")
    assert {problem.key for problem in caught.value.problems} == {"token", "database.dsn"}
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize("base_path", ["parkgrid", "/parkgrid/", "/", "/a//b", "/a/../b", "/?"])
def test_a_base_path_that_is_none(base_path: str) -> None:
    with pytest.raises(SettingsError, match="base_path"):
        settings_of(BASE_PATH=base_path)


def test_proxies_are_addresses_or_networks() -> None:
    assert settings_of(PROXIES="127.0.0.1, 10.1.0.0/16,").proxies == ("127.0.0.1", "10.1.0.0/16")
    with pytest.raises(SettingsError, match="nginx"):
        settings_of(PROXIES="nginx")


async def test_under_a_base_path(dsn: str, dist: Path) -> None:
    settings = ApiSettings(DatabaseSettings(dsn), base_path="/energy/parkgrid", documents=True, token=TOKEN)
    async with running(settings, Page(dist)) as api:
        good = {"Authorization": f"Bearer {TOKEN}"}
        for base in ("/energy/parkgrid", ""):  # a proxy may take it off
            assert (await api.client.get(f"{base}/")).text.startswith("<!doctype html>")
            assert (await api.client.get(f"{base}/assets/index-abc.js")).status_code == 200
            assert (await api.client.get(f"{base}/api/v1/signals")).status_code == 401
            assert (await api.client.get(f"{base}/api/v1/signals", headers=good)).status_code == 200
            document = (await api.client.get(f"{base}/api/v1/openapi.json", headers=good)).json()
            assert document["servers"] == [{"url": "/energy/parkgrid"}]
            traced = await api.client.get(f"{base}/api/v1/trace/nothing", headers=good)
            assert traced.json()["problems"][0]["value"] == "nothing"
        moved = await api.client.get("/energy/parkgrid")
        assert (moved.status_code, moved.headers["location"]) == (308, "/energy/parkgrid/")
        assert (await api.client.get("/energy/parkgridx/")).status_code == 404


@pytest.mark.parametrize(
    ("header", "title"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "请求参数有误。"),
        ("en-GB,en;q=0.9,zh;q=0.8", "The request has wrong values."),
        ("de, zh-Hans;q=0.3", "请求参数有误。"),
        ("zh;q=0, fr", "The request has wrong values."),
        ("q=;;,zh;q=x", "The request has wrong values."),
        ("", "The request has wrong values."),
    ],
)
async def test_mistakes_are_told_in_the_readers_language(api: Api, header: str, title: str) -> None:
    query = {"date": "1999-01-01", "step": "5m", "colour": "red"}
    answer = await api.client.get("/api/v1/parks/gaoxin-nan/day", params=query, headers={"Accept-Language": header})
    told = answer.json()
    assert (answer.status_code, told["title"]) == (422, title)
    chinese = [any("\u4e00" <= sign <= "\u9fff" for sign in mistake["remedy"]) for mistake in told["problems"]]
    assert chinese == [answer.headers["content-language"] == "zh"] * 3


async def test_the_token_guards_every_reading(dsn: str, api: Api) -> None:
    async with running(ApiSettings(DatabaseSettings(dsn), token=TOKEN)) as guarded:
        for path in [*api.document["paths"], "/api/v1/nope", "/metrics"]:
            for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
                answer = await guarded.client.get(path, headers=header)
                assert answer.status_code == (200 if path == "/healthz" else 401), path
        good = {"Authorization": f"Bearer {TOKEN}"}
        assert (await guarded.client.get("/api/v1/signals", headers=good)).status_code == 200


async def test_every_answer_carries_the_headers(api: Api) -> None:
    for path in ("/", "/api/v1/parks", "/api/v1/nope", "/healthz", "/api/v1/parks?x=1"):
        headers = (await api.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>" + " " * 2000)
    (folder / "assets" / "index-abc.js").write_text("let x = 1;" * 300)
    (folder / ".sources").write_text("digest")
    (folder / "notes.txt").write_text("not for you")
    (folder / "assets" / "passwd.js").symlink_to("/etc/passwd")
    return folder


async def test_only_listed_files_of_the_page(dsn: str, dist: Path) -> None:
    async with running(ApiSettings(DatabaseSettings(dsn)), Page(dist)) as api:
        page = await api.client.get("/")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-cache"
        assert page.headers["content-encoding"] == "gzip"
        script = await api.client.get("/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
        assert "immutable" in script.headers["cache-control"]
        assert script.text == "let x = 1;" * 300
        for path in (
            "/.sources",
            "/notes.txt",
            "/assets/passwd.js",
            "/assets/",
            "/..%2f..%2fapi/app.py",
            "/src/main.tsx",
        ):
            assert (await api.client.get(path)).status_code == 404, path
        again = await api.client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await api.client.head("/")).status_code == 200


async def test_a_missing_page_says_how_to_build_it(api: Api) -> None:
    answer = await api.client.get("/")
    assert answer.status_code == 503
    assert "uv sync" in answer.text


@pytest.mark.process
async def test_an_unreachable_database_is_told() -> None:
    async with running(ApiSettings(DatabaseSettings(DSN))) as api:
        health = await api.client.get("/healthz", timeout=20)
        assert (health.status_code, health.json()["database"]) == (503, "unreachable")
        answer = await api.client.get("/api/v1/parks", timeout=20)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "127.0.0.1" not in answer.text


async def test_a_database_without_schema_is_told(empty_dsn: str) -> None:
    async with running(ApiSettings(DatabaseSettings(empty_dsn))) as api:
        answer = await api.client.get("/api/v1/parks")
        assert answer.status_code == 503
        assert "parkgrid db migrate" in answer.text


async def test_a_long_statement_is_cut(dsn: str) -> None:
    from psycopg import sql

    from parkgrid_api.http.problems import ProblemError

    async with running(ApiSettings(DatabaseSettings(dsn, statement_timeout_s=0.2))) as api:
        with pytest.raises(ProblemError) as caught:
            await api.services.database.rows(sql.SQL("SELECT pg_sleep(5)"))
        assert caught.value.problem.status == 503


async def test_the_sessions_cannot_write(dsn: str) -> None:
    from psycopg import sql

    from parkgrid_api.http.problems import ProblemError

    async with running(ApiSettings(DatabaseSettings(dsn))) as api:
        with pytest.raises(ProblemError):
            await api.services.database.rows(sql.SQL("CREATE TABLE public.mine (x int)"))
