"""The page's build: small, reproducible, no foreign hosts; a catalogue for each language; a lock any mirror serves."""

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from parkgrid_contract.refusal import Reason
from parkgrid_contract.signals import CATALOGUE
from tests.web.build_hook import ROOT, hook

WEB = ROOT / "api" / "parkgrid_api" / "web"
BUDGET = 150_000


@pytest.fixture(scope="module")
def dist(built_page: Path) -> Path:
    return built_page


def packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def fetched_first(dist: Path) -> set[Path]:
    """What a browser needs before anything is shown: the page, what it names, and what that imports at once."""
    page = dist / "index.html"
    found, open_files = {page}, [page]
    while open_files:
        file = open_files.pop()
        text = file.read_text()
        static = r'(?:src|href)="\./([^"]+)"' if file is page else r'(?:from|import)\s*"\./([^"]+)"'
        base = dist if file is page else file.parent
        for path in {base / name for name in re.findall(static, text)} - found:
            found.add(path)
            if path.suffix == ".js":
                open_files.append(path)
    return found


def test_the_first_load_is_small(dist: Path) -> None:
    first = fetched_first(dist)
    assert any(path.suffix == ".js" for path in first)
    assert any(path.suffix == ".css" for path in first)
    # The views are fetched when they are looked at; the largest of them counts as well, with all that it needs.
    views = [path for path in dist.glob("assets/*.js") if path not in first]
    assert len(views) >= 7
    assert sum(map(packed, first)) + sum(map(packed, views)) <= BUDGET


def test_nothing_comes_from_other_hosts(dist: Path) -> None:
    for path in [*dist.rglob("*.html"), *dist.rglob("*.css"), *dist.rglob("*.js")]:
        hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text()))
        assert hosts <= {"www.w3.org", "schemas.openxmlformats.org"}, path  # names of XML languages, never fetched


def test_both_languages_say_the_same_things() -> None:
    catalogues = {name: json.loads((WEB / "src" / "locales" / f"{name}.json").read_text()) for name in ("zh", "en")}
    assert list(catalogues["zh"]) == list(catalogues["en"])
    for key, english in catalogues["en"].items():
        chinese = catalogues["zh"][key]
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), key
    assert {f"reason.{reason.value}" for reason in Reason} <= set(catalogues["en"])


def test_nothing_is_left_in_the_other_language() -> None:
    """A Chinese text is Chinese but for names and forms; an English one has no Chinese but 亿元 beside CNY."""
    zh, en = (json.loads((WEB / "src" / "locales" / f"{name}.json").read_text()) for name in ("zh", "en"))
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for key, text in zh.items():
        words = re.sub(r"\{\w+\}|SOC|SOH|CPU|V2G|parkgrid", "", text)
        assert chinese.search(words) or not re.search(r"[A-Za-z]{2}", words), (key, text)
    for key, text in en.items():
        assert not chinese.search(text.replace("亿元 (100 million CNY)", "")), (key, text)


def test_every_word_of_the_data_is_translated() -> None:
    words = json.loads((WEB / "src" / "locales" / "en.json").read_text())
    for name, known in CATALOGUE.items():
        assert f"class.{name}" in words
        for signal in known.signals:
            stem = re.sub(r"_([abc])_(v|a|kw)$", r"_\2", signal.name)
            stem = re.sub(r"^string_\d_", "", stem)
            assert f"signal.{stem}" in words, signal.name
            assert all(f"state.{state}" in words for state in signal.states)


def test_every_word_is_used() -> None:
    sources = "".join(path.read_text() for path in WEB.rglob("src/**/*.ts*"))
    # Made from what the data say: a class, a signal, a state, a cause.
    made = ("reason.", "why.", "class.", "signal.", "state.", "flag.", "cause.", "view.", "range.", "resolution.")
    made += ("interval.", "within.", "time.compare.", "indicator.", "unavailable.")
    # By the quality of a session.
    made += ("sessions.estimated.", "sessions.incomplete.")
    # By what is out of order.
    made += ("trouble.", "short.", "finding.", "problem.")
    # What the ledger of the pilot says.
    made += tuple(
        f"vpp.{of}."
        for of in (
            *("verdict", "unsure", "stage", "kind", "state", "resource", "baseline", "cause", "step", "pack", "entry"),
            *("phase", "provenance", "outcome", "adjust", "finding", "limit", "kind_of_day", "unknown", "method"),
        )
    )
    for key in json.loads((WEB / "src" / "locales" / "en.json").read_text()):
        assert f'"{key}"' in sources or key.startswith(made) or key.endswith(".was"), key


def test_the_lock_names_no_host_and_checks_everything() -> None:
    text = (WEB / "package-lock.json").read_text()
    assert "http://" not in text
    assert "https://" not in re.sub(r'"url": "[^"]*"', "", text)  # funding pages are not download addresses
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())


def test_a_changed_source_means_a_new_build(tmp_path: Path) -> None:
    copy = tmp_path / "web"
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "dist.*"))
    before = hook.sources_digest(copy)
    (copy / "dist").mkdir()
    (copy / "dist" / "index.html").write_text("page")
    assert hook.built_digest(copy) is None
    (copy / "dist" / ".sources").write_text(before)
    assert hook.built_digest(copy) == before == hook.sources_digest(copy)
    (copy / "src" / "style.css").write_text("body {}")
    assert hook.sources_digest(copy) != before


@pytest.mark.process
def test_a_failed_build_says_what_to_do_and_keeps_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "web"
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "dist.*"))
    (copy / "dist").mkdir()
    (copy / "dist" / "index.html").write_text("old")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(hook.PageBuildError, match="PARKGRID_SKIP_WEB_BUILD=1"):
        hook.build_page(copy, "digest")
    assert (copy / "dist" / "index.html").read_text() == "old"
    assert not list(copy.glob("dist.*"))


def test_the_same_sources_give_the_same_page(dist: Path, tmp_path: Path) -> None:
    copy = tmp_path / "web"
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "dist.*"))
    hook.build_page(copy, hook.sources_digest(copy))
    built = {
        path.relative_to(copy / "dist"): path.read_bytes() for path in (copy / "dist").rglob("*") if path.is_file()
    }
    present = {path.relative_to(dist): path.read_bytes() for path in dist.rglob("*") if path.is_file()}
    assert built == present


def build_hook_on(root: Path, target: str) -> Any:
    return hook.CustomBuildHook(str(root), {}, None, None, str(root / "out"), target)


def test_an_edge_install_needs_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "build_page", lambda *_: pytest.fail("the page was built"))
    build_hook_on(tmp_path, "wheel").initialize("standard", {})  # no page sources at all
    (tmp_path / "api" / "parkgrid_api" / "web").mkdir(parents=True)
    (tmp_path / "api" / "parkgrid_api" / "web" / "package.json").write_text("{}")
    build_hook_on(tmp_path, "sdist").initialize("standard", {})
    monkeypatch.setenv("PARKGRID_SKIP_WEB_BUILD", "1")
    build_hook_on(tmp_path, "wheel").initialize("editable", {})


def test_an_install_with_sources_builds_the_page_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = tmp_path / "api" / "parkgrid_api" / "web"
    web.mkdir(parents=True)
    (web / "package.json").write_text("{}")
    built: list[str] = []

    def build(found: Path, digest: str) -> None:
        (found / "dist").mkdir()
        (found / "dist" / "index.html").write_text("page")
        (found / "dist" / ".sources").write_text(digest)
        built.append(digest)

    monkeypatch.setattr(hook, "build_page", build)
    for version in ("editable", "standard"):
        build_hook_on(tmp_path, "wheel").initialize(version, {})
    assert built == [hook.sources_digest(web)]
