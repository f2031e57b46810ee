"""The demo on a real server, started as `make demo` does."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@contextmanager
def running_demo() -> Iterator[str]:
    """Gives the address that it tells, on a free port; it ends with the block."""
    command = [sys.executable, str(ROOT / "docs/examples/demo.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        found = next(
            filter(None, (re.search(r"http://127\.0\.0\.1:\d+", line) for line in demo.stdout)), None
        )
        assert found, "the demo does not tell its address"
        try:
            yield found[0]
        finally:
            demo.terminate()
