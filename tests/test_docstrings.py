"""What the docstrings of public names tell: each parameter, units, and errors.

A parameter is described under `Args`, or named in backticks in the prose: of the call, of a call that it
refers to ("see `set`", "those of `set`"), or of the class, which may tell once what is the same in all of its
calls. Errors are under `Raises`, or those of a call that is referred to.
"""

from __future__ import annotations

import builtins
import re

from public_api import Call, calls, classes
from schema_session_backend import errors

# What a caller may get wrong.
FALLIBLE = {
    "change", "data", "fields", "keep", "key", "mapping", "new_sid", "old_sid", "session", "sessions", "sid",
    "sids", "value", "where",
}  # fmt: skip
SPAN_TYPE = re.compile(r"Seconds|Timeout")
SPAN_NAME = re.compile(r"(^|_)(age|expiretime|interval|timeout)$")


def described_calls() -> list[Call]:
    """All calls but those of Python's protocols, such as `store[key]`, and the constructors of errors."""
    return [
        call
        for call in calls()
        if not call.name.startswith("__")
        or (call.name == "__init__" and call.owner is not None and not issubclass(call.owner.made, Exception))
    ]


def test_whatever_is_public_has_a_docstring():
    assert [str(one) for one in [*classes().values(), *described_calls()] if not one.doc.prose] == []


def test_each_attribute_is_described_unless_it_is_a_text_itself():
    for name, public in classes().items():
        described = public.doc.arguments.keys() | public.doc.attributes.keys()
        described |= {one.name for one in public.attributes.values() if one.doc or one.default}
        assert public.attributes.keys() - described == set(), name


def test_each_parameter_is_described():
    for call in described_calls():
        assert [name for name in call.parameters if not call.told(name)] == [], call


def test_what_is_described_is_a_parameter():
    for call in described_calls():
        assert call.doc.arguments.keys() - call.parameters.keys() == set(), call


def test_each_span_of_time_is_said_to_be_seconds():
    for call in described_calls():
        spans = [
            name for name, kind in call.parameters.items() if SPAN_TYPE.search(kind) or SPAN_NAME.search(name)
        ]
        assert [name for name in spans if "second" not in call.told(name)] == [], call
        if call.kind == "property" and SPAN_NAME.search(call.name):
            assert "second" in call.doc.prose, call


def test_each_error_in_a_docstring_is_public_or_one_of_pythons():
    for call in calls():
        ours = {name for name in call.errors if not hasattr(builtins, name)}
        assert ours - set(errors.__all__) == set(), call


def test_each_error_that_a_calls_own_lines_raise_is_in_its_docstring():
    for call in calls():
        assert call.raised - call.errors == set(), call


def test_each_call_that_takes_an_id_data_or_a_search_tells_its_errors():
    for call in described_calls():
        fallible = [name for name in call.parameters if name in FALLIBLE]
        assert [name for name in fallible if not (call.errors or class_tells_an_error(call, name))] == [], (
            call
        )


def class_tells_an_error(call: Call, parameter: str) -> bool:
    paragraphs = [] if call.owner is None else call.owner.doc.paragraphs_on(parameter)
    return any(f"`{name}`" in text for text in paragraphs for name in errors.__all__)
