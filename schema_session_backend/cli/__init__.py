"""The command line: `schema-session`, and `flask sessions`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run `schema-session`, or say what to install."""
    try:
        from .program import program  # noqa: PLC0415 - only so can what is missing be told
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"click", "rich"}:
            raise
        sys.exit(f"schema-session needs {error.name}: pip install 'schema_session_backend[cli]'")
    program(prog_name="schema-session")
