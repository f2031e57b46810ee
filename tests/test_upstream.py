"""The page of `make upstream` names each case that differs, with a reason, and no other."""

from __future__ import annotations

import pytest

from upstream.page import PAGE, RESULTS, TO_EXPLAIN, Result, Row, complaints, explained, rewritten

TEXT = f"""# Upstream

{RESULTS}| Flask | 3 | 3 | 2 |
| Pyramid | 5 | 5 | 0 |

## Flask

Prose on Flask.

| what differs | cases |
| --- | --- |
| it sleeps | `a.py::one`<br>`a.py::two[x \\| y]` |

## Pyramid

Prose on Pyramid.
"""
AS_IT_IS = {"Flask": Result(3, 3, ["a.py::one", "a.py::two[x \\| y]"]), "Pyramid": Result(5, 5, [])}


def test_a_page_that_names_what_differs_is_right_and_stays():
    assert complaints(TEXT, AS_IT_IS) == []
    assert rewritten(TEXT, AS_IT_IS) == TEXT


def test_a_case_that_is_not_on_the_page_is_told():
    assert complaints(TEXT, {"Pyramid": Result(5, 5, ["b.py::new"])}) == [
        "Pyramid: b.py::new is not explained"
    ]


def test_a_case_that_does_not_differ_any_more_is_told():
    assert complaints(TEXT, {"Flask": Result(3, 3, ["a.py::one"])}) == [
        "Flask: a.py::two[x \\| y] does not differ any more"
    ]


def test_a_case_that_is_explained_twice_is_told():
    twice = TEXT.replace("`a.py::one`<br>", "`a.py::one`<br>`a.py::one`<br>")
    assert complaints(twice, AS_IT_IS) == ["Flask: a.py::one is there twice"]


def test_write_keeps_reasons_drops_what_passes_and_marks_what_is_new():
    results = {"Flask": Result(4, 4, ["a.py::one", "a.py::new"]), "Pyramid": Result(6, 5, ["b.py::new"])}
    page = rewritten(TEXT, results)

    assert explained(page) == {
        "Flask": [Row("it sleeps", ["a.py::one"]), Row(TO_EXPLAIN, ["a.py::new"])],
        "Pyramid": [Row(TO_EXPLAIN, ["b.py::new"])],
    }
    assert "Prose on Flask.\n" in page
    assert "Prose on Pyramid.\n" in page
    assert "| Flask | 4 | 4 | 2 |\n| Pyramid | 6 | 5 | 1 |\n" in page
    assert complaints(page, results) == [
        "Flask: a.py::new is not explained",
        "Pyramid: b.py::new is not explained",
    ]
    assert rewritten(page, AS_IT_IS).count(TO_EXPLAIN) == 1


@pytest.mark.parametrize("rows", explained(PAGE.read_text(encoding="utf-8")).values())
def test_every_row_of_the_page_has_a_reason_and_cases(rows):
    assert all(row.reason != TO_EXPLAIN and row.cases for row in rows)
