"""docs/explanation/versions.md tells the lower bounds of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUND = re.compile(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)")


def test_the_page_tells_the_lower_bound_of_each_package():
    page = (ROOT / "docs/explanation/versions.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| ([\w-]+) \| ([\d.]+) \| (?:the package|`\[)", page, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    bounds = {found for one in (*project["dependencies"], *extras) for found in BOUND.findall(one)}
    assert {(name.lower(), version) for name, version in told} == {
        (name.lower(), version) for name, version in bounds
    }
