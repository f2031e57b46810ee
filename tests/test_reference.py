"""Every public name, and every public member, is in docs/reference.md, which takes them from docstrings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from public_api import PREFIXES, PublicClass, classes, names

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
DIRECTIVE = re.compile(r"\.\. (?P<kind>module|auto\w+):: (?P<name>\S+)")
OPTION = re.compile(r" {3}:(?P<name>[\w-]+): ?(?P<value>.*)")


def directives() -> dict[str, dict[str, str]]:
    """The options of each directive, by the full name of what it documents."""
    found: dict[str, dict[str, str]] = {}
    module = name = option = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if (directive := DIRECTIVE.fullmatch(line)) is not None:
            name = directive["name"]
            if directive["kind"] == "module":
                module = name
            elif not name.startswith(PREFIXES):
                name = f"{module}.{name}"
            found[name] = {}
        elif (given := OPTION.fullmatch(line)) is not None:
            option = given["name"]
            found[name][option] = given["value"]
        elif line.startswith("      "):
            found[name][option] += line
    return found


def members(public: PublicClass) -> set[str]:
    """The members that the class's own docstring does not describe."""
    described = public.doc.arguments.keys() | public.doc.attributes.keys()
    return {name for name in (*public.calls, *public.attributes) if not name.startswith("__")} - described


def shown(public: PublicClass, options: dict[str, str]) -> set[str]:
    """The members that a directive with these options takes from a class."""
    if options.get("members"):
        return {name.strip() for name in options["members"].split(",")}
    own = vars(public.made).keys() | {one.name for one in public.attributes.values() if one.doc}
    everything = members(public) if "inherited-members" in options else members(public) & own
    return everything if "members" in options else set()


def test_each_public_name_is_in_the_reference():
    assert names().keys() - directives().keys() == set()


@pytest.mark.parametrize("name", classes())
def test_each_member_of_a_public_class_is_in_the_reference(name):
    public = classes()[name]

    assert members(public) - shown(public, directives()[name]) == set()


@pytest.mark.parametrize("name", classes())
def test_each_member_in_the_reference_is_there(name):
    public, listed = classes()[name], directives()[name].get("members", "")

    assert {one.strip() for one in listed.split(",") if one} <= public.calls.keys() | public.attributes.keys()
