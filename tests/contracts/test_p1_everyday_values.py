"""P1: values of everyday types come back as they are or as their plain value; equal ones are no change."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal

import pytest
from everyday import AS_PLAIN, EXACT, Literal, Plan
from markupsafe import Markup
from values import identical, stored_rows, write_row

from schema_session_backend import Outcome, UnserializableValue
from schema_session_backend._session.serializer import JsonSerializer

pytestmark = pytest.mark.partitioned_too


@pytest.mark.parametrize("name", EXACT)
def test_a_value_with_a_tag_of_its_own_comes_back_exactly(store, name):
    store.set("a", {"value": EXACT[name]})

    assert identical(store.get("a"), {"value": EXACT[name]})


@pytest.mark.parametrize("name", AS_PLAIN)
def test_an_instance_of_a_subclass_and_a_lazy_text_come_back_as_the_plain_value(store, name):
    value, plain = AS_PLAIN[name]
    store.set("a", {"value": value, "beside": [value]})

    assert identical(store.get("a"), {"value": plain, "beside": [plain]})
    assert list(store.get("a")["value"]) == list(plain) if isinstance(plain, dict) else True


@pytest.mark.parametrize("name", [*AS_PLAIN, *EXACT])
def test_an_equal_value_that_is_saved_again_is_no_change(store, name):
    value = AS_PLAIN[name][0] if name in AS_PLAIN else EXACT[name]
    store.set("a", {"value": value})
    before = stored_rows(store)

    for data in (store.get("a"), {"value": value}):
        assert store.save(store.load("a"), data).outcome is Outcome.UNCHANGED
    assert stored_rows(store) == before


@pytest.mark.parametrize("name", [*AS_PLAIN, *EXACT])
def test_a_merge_does_not_take_an_equal_value_for_a_change(store, name):
    value = AS_PLAIN[name][0] if name in AS_PLAIN else EXACT[name]
    store.set("a", {"value": value})
    mine, theirs = store.load("a"), store.load("a")
    store.save(theirs, {"value": "theirs"})
    store.save(mine, {"value": value, "mine": 1})

    assert store.get("a") == {"value": "theirs", "mine": 1}


@pytest.mark.unsealed
def test_the_keys_of_a_session_may_be_members_of_a_str_enum(store):
    store.set("a", {Plan.FREE: 1})

    assert identical(store.get("a"), {"free": 1})
    assert stored_rows(store)[0][4] == '{"free":1}'


@pytest.mark.parametrize("number", ["NaN", "-NaN", "sNaN", "NaN123"])
def test_a_decimal_that_is_no_number_comes_back(store, number):
    store.set("a", {"value": Decimal(number)})

    assert identical(store.get("a"), {"value": Decimal(number)})
    assert store.save(store.load("a"), {"value": Decimal(number)}).outcome is Outcome.UNCHANGED


@pytest.mark.unsealed
def test_a_plain_value_stands_in_additional_as_json(store):
    store.set("a", {"plan": Plan.PAID, "note": Markup("<b>"), "rate": math.inf})

    assert stored_rows(store)[0][4] == '{"plan":"paid","note":{"$markup":"<b>"},"rate":{"$float":"inf"}}'


def test_an_instance_of_a_subclass_of_markup_comes_back_as_markup(store):
    store.set("a", {"value": Literal("<b>")})

    assert identical(store.get("a"), {"value": Markup("<b>")})


@pytest.mark.parametrize("content", ['{"$float":"1e5"}', '{"$float":[1]}', '{"$markup":1}', '{"$float":"x"}'])
def test_a_tag_with_other_content_is_corrupt(store, content):
    store.set("a", {})
    write_row(store, "a", additional=f'{{"value":{content}}}')

    assert store.get("a") is None


# -- with `strict_types`


@pytest.mark.parametrize("name", AS_PLAIN)
def test_strict_types_refuses_all_but_the_exact_types(make_store, name):
    store = make_store(strict_types=True)
    store.set("a", {"cart": [1]})
    before = stored_rows(store)

    with pytest.raises(UnserializableValue, match="strict_types") as caught:
        store.set("a", {"good": 1, "bad": AS_PLAIN[name][0]})

    assert caught.value.key == "bad"
    assert stored_rows(store) == before


@pytest.mark.parametrize("name", EXACT)
def test_strict_types_takes_what_comes_back_exactly(make_store, name):
    store = make_store(strict_types=True)
    store.set("a", {"value": EXACT[name]})

    assert identical(store.get("a"), {"value": EXACT[name]})


# -- without the packages that the values come from


WITHOUT_MARKUPSAFE = """
import sys
from schema_session_backend._session.serializer import JsonSerializer
serializer = JsonSerializer()
serializer.dumps({"a": {1: "tagged"}, "b": float("nan")})
assert "markupsafe" not in sys.modules
sys.modules["markupsafe"] = None
print(serializer.loads('{"a":{"$markup":"<b>"}}'))
"""


def test_markup_is_text_where_markupsafe_is_not_installed():
    """Text is shown escaped, which is safe; a corrupt session would sign the visitor out."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MARKUPSAFE], capture_output=True, text=True, check=True
    )

    assert done.stdout == "{'a': '<b>'}\n"


def test_a_lazy_text_of_django_comes_back_as_its_text():
    django_texts = """
import django.conf
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy, ngettext_lazy
from schema_session_backend import UnserializableValue
from schema_session_backend._session.serializer import JsonSerializer
django.conf.settings.configure(USE_I18N=False)
print(JsonSerializer().dumps({"a": gettext_lazy("Please log in."), "b": [gettext_lazy("b")]}))
try:
    JsonSerializer().dumps({"a": lazy(lambda: 5, int)()})
except UnserializableValue as error:
    print(error.key)
"""
    done = subprocess.run([sys.executable, "-c", django_texts], capture_output=True, text=True, check=True)

    assert done.stdout == '{"a":"Please log in.","b":["b"]}\na\n'


# -- the serializer by itself


def test_the_serializer_takes_a_subclass_and_its_plain_value_for_the_same():
    serializer = JsonSerializer()

    for value, plain in AS_PLAIN.values():
        assert serializer.same(value, plain)
    assert serializer.same(math.nan, math.nan)
    assert not serializer.same(Markup("a"), "a")
