"""Golden files: what the code gives, kept in `tests/golden` for a reviewer to read, and compared by a test.

A golden file is rewritten on purpose only: run the test's module with `--write`, and read the difference
before it is committed.
"""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "golden"


def require_unchanged(name: str, text: str, *, writer: str) -> None:
    """Fail, showing the difference, unless a golden file has this text.

    Args:
        name: the file's.
        text: what the code gives now.
        writer: the module that rewrites the file.
    """
    changed = _difference(name, text)
    if changed:
        advice = f"if this change is meant: python tests/{Path(writer).name} --write"
        pytest.fail(f"{advice}\n{changed}", pytrace=False)


def rewrite_if_asked(texts: Mapping[str, str]) -> None:
    """The command line of a test's module: `--write` rewrites its golden files.

    Args:
        texts: what the files shall hold, by their names.
    """
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: {sys.argv[0]} --write")
    for name, text in texts.items():
        print(f"tests/golden/{name}: {'rewritten' if _difference(name, text) else 'unchanged'}")
        (FOLDER / name).write_text(text, encoding="utf-8")


def _difference(name: str, text: str) -> str:
    path = FOLDER / name
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = unified_diff(
        kept.splitlines(), text.splitlines(), f"tests/golden/{name}", "the code", lineterm=""
    )
    return "\n".join(lines)
