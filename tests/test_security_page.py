"""docs/explanation/security.md names tests that exist, and has a row for each requirement of ASVS 5.0."""

from __future__ import annotations

import re

from sources import ROOT

PAGE = (ROOT / "docs/explanation/security.md").read_text(encoding="utf-8")
# V7.1.1 to V7.6.2, as https://github.com/OWASP/ASVS has them at v5.0.0_release.
REQUIREMENTS = [
    f"V7.{section}.{number}"
    for section, last in enumerate([3, 4, 2, 5, 3, 2], 1)
    for number in range(1, last + 1)
]


def test_the_tests_that_the_page_names_are_there():
    modules = [*(ROOT / "tests").rglob("*.py")]
    functions = {name for path in modules for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))}
    named = set(re.findall(r"`((?:test_\w+|leaks)(?:\.py)?)`", PAGE))

    assert len(named) > 20
    assert named - functions - {path.name for path in modules} == set()


def test_each_requirement_has_its_row_in_order():
    assert re.findall(r"^\| (V7\.\d\.\d) \|", PAGE, re.MULTILINE) == REQUIREMENTS


def test_each_row_says_who_meets_it():
    rows = [line for line in PAGE.splitlines() if line.startswith("| V7.")]

    assert [row for row in rows if not re.search(r"\| (\*\*open\*\*: )?(library|host|you)\b", row)] == []
