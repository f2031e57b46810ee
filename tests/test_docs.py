"""The code in README.md and docs/ runs, and prints the output that the pages show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT, ROOT / "integrations/pyramid")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# A page's ```python blocks run in order and share their names. ```py marks a fragment that is not run: both
# look the same to a reader. ```text is what the blocks print, with … for what differs each time, and an
# ```ini block with the section [app:main] is the file app.ini.
FENCED = re.compile(r"^```(python|text|ini)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, kind: str) -> list[tuple[int, str]]:
    """The blocks of a kind, each with the number of lines before it."""
    text = page.read_text(encoding="utf-8")
    found = (match for match in FENCED.finditer(text) if match[1] == kind)
    return [(text.count("\n", 0, match.start(2)), match[2]) for match in found]


def run(page: Path) -> None:
    """Run a page's code in the current directory; tracebacks have the page's line numbers."""
    for _, text in blocks(page, "ini"):
        if text.startswith("[app:main]"):
            Path("app.ini").write_text(text, encoding="utf-8")
    names = {"__name__": "__main__"}
    for line, code in blocks(page, "python"):
        exec(compile("\n" * line + code, page, "exec", dont_inherit=True), names)
        if "application" in names:
            visit(names.pop("application"))
    if "app" in names:
        # Flask's, which takes no more routes after its first request.
        visit(names["app"])


def visit(application) -> None:
    """Ask a WSGI application for its first page, because Beaker finds wrong settings only then."""
    environ: dict[str, object] = {}
    setup_testing_defaults(environ)
    answers: list[str] = []
    application(environ, lambda status, *_: answers.append(status))
    assert answers == ["200 OK"]


def run_apart(page: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in an interpreter and a directory of its own."""
    # WebOb, which Pyramid needs, imports the cgi module, deprecated by Python 3.11 and 3.12, and asks for the
    # time in a way that Python 3.12 deprecates; Pyramid itself imports pkg_resources.
    ignored = (
        "datetime.datetime.utcnow:DeprecationWarning",
        "'cgi' is deprecated:DeprecationWarning",
        "pkg_resources is deprecated:UserWarning",
        "Deprecated call to `pkg_resources:DeprecationWarning",
    )
    warnings = ["-W", "error", *(f"-Wignore:{one}" for one in ignored)]
    command = [sys.executable, "-X", "utf8", *warnings, __file__, str(page)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, SOURCES))}
    return subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem
)
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path):
    done = run_apart(page, tmp_path)

    assert done.returncode == 0, done.stderr
    for _, shown in blocks(page, "text"):
        assert re.search(re.escape(shown).replace("…", ".*"), done.stdout), (
            f"{shown}\nis not in\n{done.stdout}"
        )


def test_wrong_code_of_a_page_is_reported_with_its_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\na = 1\n```\n\n```python\nassert a == 2\n```\n", encoding="utf-8")

    assert f'{page}", line 8' in run_apart(page, tmp_path).stderr


if __name__ == "__main__":
    run(Path(sys.argv[1]))
