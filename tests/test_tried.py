"""docs/explanation/tried.md names each application of `make apps`, with the versions that are installed."""

from __future__ import annotations

import tomllib

import pytest

from sources import ROOT

PAGE = (ROOT / "docs/explanation/tried.md").read_text(encoding="utf-8")
GROUPS = {
    name.removeprefix("app_"): requirements
    for name, requirements in tomllib.loads((ROOT / "pyproject.toml").read_text())[
        "dependency-groups"
    ].items()
    if name.startswith("app_")
}


@pytest.mark.parametrize("application", GROUPS)
def test_the_page_names_the_versions_that_are_installed(application):
    pinned = [requirement.split("==") for requirement in GROUPS[application] if "==" in requirement]
    versions = [f"{package.partition('[')[0]} {version}" for package, version in pinned]
    row = next(line for line in PAGE.splitlines() if line.startswith("|") and f"| {versions[0]}, " in line)

    assert f"| {', '.join(versions)} |" in row


def test_make_apps_tries_each_of_them():
    [names] = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("APPS := ")]

    assert sorted(names.removeprefix("APPS := ").split()) == sorted(GROUPS)
    assert all((ROOT / "tests/apps" / name).is_dir() for name in GROUPS)
