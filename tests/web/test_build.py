"""The page's build: small, reproducible, no foreign hosts; a catalogue for each language; a lock any mirror serves."""

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from contract.refusal import Reason
from tests.web.build_hook import ROOT, hook

WEB = ROOT / "api" / "web"
BUDGET = 150_000


@pytest.fixture(scope="module")
def dist(built_page: Path) -> Path:
    return built_page


def test_the_first_load_is_small(dist: Path) -> None:
    files = [path for path in dist.rglob("*") if path.is_file() and path.name != ".sources"]
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) <= BUDGET


def test_nothing_comes_from_other_hosts(dist: Path) -> None:
    for path in [*dist.rglob("*.html"), *dist.rglob("*.css"), *dist.rglob("*.js")]:
        hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text()))
        assert hosts <= {"www.w3.org"}, path  # names of XML languages, never fetched


def test_both_languages_say_the_same_things() -> None:
    catalogues = {name: json.loads((WEB / "src" / "locales" / f"{name}.json").read_text()) for name in ("zh", "en")}
    assert list(catalogues["zh"]) == list(catalogues["en"])
    for key, english in catalogues["en"].items():
        chinese = catalogues["zh"][key]
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), key
    assert {f"reason.{reason.value}" for reason in Reason} <= set(catalogues["en"])


def test_every_word_is_used() -> None:
    sources = "".join(path.read_text() for path in WEB.glob("src/*.ts*"))
    made = ("reason.", "why.")
    for key in json.loads((WEB / "src" / "locales" / "en.json").read_text()):
        assert f'"{key}"' in sources or key.startswith(made), key


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
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist*"))
    before = hook.sources_digest(copy)
    (copy / "dist").mkdir()
    (copy / "dist" / "index.html").write_text("page")
    assert hook.built_digest(copy) is None
    (copy / "dist" / ".sources").write_text(before)
    assert hook.built_digest(copy) == before == hook.sources_digest(copy)
    (copy / "src" / "style.css").write_text("body {}")
    assert hook.sources_digest(copy) != before


def test_a_failed_build_says_what_to_do_and_keeps_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "web"
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist*"))
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
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist*"))
    hook.build_page(copy, hook.sources_digest(copy))
    built = {
        path.relative_to(copy / "dist"): path.read_bytes() for path in (copy / "dist").rglob("*") if path.is_file()
    }
    present = {path.relative_to(dist): path.read_bytes() for path in dist.rglob("*") if path.is_file()}
    assert built == present
