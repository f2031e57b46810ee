"""The suites: whose tests they are, which of them, and which plugins put sessions into a table."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# The last release of Beaker whose sdist has tests; they run on the release that is installed.
BEAKERS_TESTS: Final = "Beaker==1.13.0"
BEAKER: Final = [
    "tests/test_session.py",
    "tests/test_cache.py",
    "tests/test_cachemanager.py",
    "tests/test_cache_decorator.py",
    "tests/test_container.py",
    "tests/test_increment.py",
    "tests/test_cookie_expires.py",
    "tests/test_domain_setting.py",
    "tests/test_namespacing.py",
    "tests/test_unicode_cache_keys.py",
    "beaker_cases.py",
    "beaker_manager_cases.py",
]
PYRAMID: Final = [
    "tests/test_session.py",
    "tests/test_csrf.py",
    "tests/test_authentication.py::TestSessionAuthenticationPolicy",
    "tests/test_authentication.py::TestSessionAuthenticationHelper",
    "tests/test_testing.py::TestDummyRequest",
    "tests/test_testing.py::TestDummySession",
    "tests/test_viewderivers.py",
]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Tests that run twice: with sessions in a table, and as a control with the host's own.

    Attributes:
        name: its heading in docs/explanation/upstream.md.
        sdist: the requirement whose sdist holds the tests; None for cases written here.
        tests: what of it runs, as pytest's arguments; a file that is not in the sdist is one of `cases/`.
        control: the plugins of the control.
        ours: the plugins that put sessions into a table.
    """

    name: str
    sdist: str | None
    tests: Sequence[str]
    control: Sequence[str]
    ours: Sequence[str]

    @property
    def folder(self) -> str:
        """The name of the folder in which it runs."""
        return self.name.replace(" ", "-").lower()


def suites() -> list[Suite]:
    """All suites, in the order of the page."""
    return [
        Suite(
            name="Beaker",
            sdist=BEAKERS_TESTS,
            tests=BEAKER,
            control=["beakers_tests"],
            ours=["beakers_tests", "beaker_on_schema"],
        ),
        Suite(
            name="Beaker with SchemaSession",
            sdist=BEAKERS_TESTS,
            tests=[
                "tests/test_session.py",
                "tests/test_increment.py",
                "tests/test_cookie_expires.py",
                "tests/test_domain_setting.py",
                "beaker_cases.py",
            ],
            control=["beakers_tests"],
            ours=["beakers_tests", "beaker_on_schema", "beaker_with_schema_session"],
        ),
        _on_flask("Flask", ["tests"]),
        _on_flask("Flask-Login", ["tests"]),
        _on_flask("Flask-WTF", ["tests"]),
        _on_flask("Flask-Session", ["flask_session_cases.py"], has_tests=False),
        Suite(
            name="Pyramid", sdist=_installed("pyramid"), tests=PYRAMID, control=[], ours=["pyramid_on_schema"]
        ),
    ]


def _on_flask(name: str, tests: Sequence[str], *, has_tests: bool = True) -> Suite:
    return Suite(
        name=name,
        sdist=_installed(name) if has_tests else None,
        tests=tests,
        control=["flask_on_files"],
        ours=["flask_on_schema"],
    )


def _installed(package: str) -> str:
    return f"{package}=={version(package)}"
