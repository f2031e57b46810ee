"""CONTRIBUTING.md has a reason for each dependency, extra and group of pyproject.toml, and for no other."""

from __future__ import annotations

import re
import tomllib

from sources import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("\n## Dependencies\n")[2].partition("\n## ")[0]
ROWS = [line.strip("| ").split(" | ") for line in SECTION.splitlines() if line.startswith("| ")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0]


def test_each_dependency_has_a_row_that_says_where_it_is_and_why():
    installed = {(name_of(one), "the package") for one in PROJECT["project"]["dependencies"]}
    for extra, requirements in EXTRAS.items():
        installed |= {(name_of(one), f"`[{extra}]`") for one in requirements}
    for group, requirements in GROUPS.items():
        installed |= {(name_of(one), f"`{group}`") for one in requirements if isinstance(one, str)}

    packages = [row for row in ROWS if len(row) == 3][2:]
    told = {(package, place) for package, places, why in packages for place in places.split(", ") if why}
    assert told == installed
    assert len({package for package, _, _ in packages}) == len(packages)


def test_each_extra_and_group_has_a_row():
    told = [name for row in ROWS if len(row) == 2 for name in re.findall(r"`([^`]+)`", row[0])]

    assert sorted(told) == sorted([*(f"[{extra}]" for extra in EXTRAS), *GROUPS])
