"""The process that fuzzes one target: `python -m fuzz.fuzzing TARGET FOLDER`, then libFuzzer's arguments."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

# Besides this package, what parses cookies and requests for it.
INSTRUMENTED = [
    "schema_session_backend", "pyramid_schema_session", "beaker", "flask_session", "http.cookies",
    "webob.cookies", "werkzeug",
]  # fmt: skip

with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    from .targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    program, name, findings, *arguments = sys.argv

    def check(data: bytes) -> None:
        try:
            TARGETS[name].check(data)
        except Exception:
            # libFuzzer does not always write it before the process ends.
            (Path(findings) / "failed").write_bytes(data)
            raise

    atheris.Setup([program, *arguments], check)
    atheris.Fuzz()


main()
