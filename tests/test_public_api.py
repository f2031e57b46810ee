"""The public names, their signatures and their errors are those of tests/golden/public_api.txt.

After a change on purpose: `python tests/test_public_api.py --write`.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import schema_session_backend
from golden_files import require_unchanged, rewrite_if_asked
from public_api import Call, PublicClass, classes, functions, modules, names, public_modules
from schema_session_backend import errors, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

WIDTH = 110
HEADER = """\
What is public, written by: python tests/test_public_api.py --write

Each module has its names, and each class its members. What is not here is private, whatever its name.
"""


def listing() -> str:
    """What is public, as text."""
    blocks = [HEADER.strip()]
    for module in public_modules():
        blocks += [module.__name__, *block_lines(module)]
    return "\n\n".join(blocks) + "\n"


def block_lines(module: ModuleType) -> Iterator[str]:
    """A block for each name of a module, and one for those that other modules have too."""
    again = []
    for name in module.__all__:
        full = f"{module.__name__}.{name}"
        if full in classes():
            yield "\n".join(class_lines(classes()[full]))
        elif full in functions():
            yield "\n".join(call_lines(functions()[full], "    "))
        elif full in names():
            yield f"    {name}: {type(names()[full]).__name__}"
        else:
            again.append(name)
    if again:
        yield "\n".join(wrapped(f"as above: {', '.join(again)}", "    "))


def class_lines(public: PublicClass) -> Iterator[str]:
    yield f"    {public.heading}"
    if public.constructor is not None:
        yield from call_lines(public.constructor, "        ")
    yield from (f"        {attribute}" for attribute in public.attributes.values())
    for call in public.calls.values():
        yield from call_lines(call, "        ")


def call_lines(call: Call, indent: str) -> Iterator[str]:
    if call.kind == "property":
        yield f"{indent}{call.name} -> {call.returned}"
    else:
        start = f"{indent}{call.name}(" if call.kind == "method" else f"{indent}{call.kind} {call.name}("
        end = ")" if call.name == "__init__" else f") -> {call.returned}"
        whole = f"{start}{', '.join(call.spelled_parameters)}{end}"
        if len(whole) <= WIDTH:
            yield whole
        else:
            yield start
            yield from (f"{indent}    {parameter}," for parameter in call.spelled_parameters)
            yield f"{indent}{end}"
    if call.errors:
        yield from wrapped(f"raises {', '.join(sorted(call.errors))}", f"{indent}    ")


def wrapped(text: str, indent: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ")


def test_what_is_public_is_what_the_golden_file_lists():
    require_unchanged("public_api.txt", listing(), writer=__file__)


def test_each_module_in_the_root_says_what_of_it_is_public():
    in_root = [one for one in modules() if one.__name__.rpartition(".")[0] in {"", "schema_session_backend"}]

    assert [one.__name__ for one in in_root if not hasattr(one, "__all__")] == []


def test_what_store_and_errors_have_is_in_the_root():
    for module in (store, errors):
        for name in module.__all__:
            assert getattr(schema_session_backend, name) is getattr(module, name)


if __name__ == "__main__":
    rewrite_if_asked({"public_api.txt": listing()})
