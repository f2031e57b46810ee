"""Runs a suite with pytest in a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .suites import Suite

HERE: Final = Path(__file__).parent
# Taken from an sdist: tests and pytest's settings, but no package, which would hide the installed one.
TAKEN: Final = {"tests", "pyproject.toml"}
LONGEST_RUN: Final = 300
"""Seconds."""
TESTS_FAILED: Final = 1
"""pytest's status if it ran all tests and some failed."""


class SuiteBroken(Exception):
    """A suite could not be downloaded, or its tests did not run."""


def download(requirements: set[str], folder: Path) -> None:
    """Have pip put the sdists of `requirements` into a `folder`, except those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = sorted(one for one in requirements if _find(one, folder) is None)
    if not missing:
        return
    print(f"Downloading the tests of {', '.join(missing)}", flush=True)
    # Without build isolation, pip uses the build backends of this environment, which takes less time.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--no-binary", ":all:", "--dest", str(folder), *missing],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SuiteBroken(f"pip could not download {', '.join(missing)}:\n{done.stderr}")


def run(suite: Suite, plugins: Sequence[str], *, sdists: Path, folder: Path) -> dict[str, str]:
    """Run the tests of a suite.

    Args:
        suite: whose tests.
        plugins: modules of `plugins/` that pytest loads.
        sdists: the folder with the sdists.
        folder: where the tests run, emptied before; `output.txt` there is what pytest printed.

    Returns:
        the outcome of each test by its id: passed, skipped, failure or error.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if suite.sdist is not None:
        _unpack(suite.sdist, sdists, folder)
    for name in suite.tests:
        if (HERE / "cases" / name).exists():
            shutil.copy(HERE / "cases" / name, folder)
    settings = folder / "pyproject.toml"
    settings.touch()
    report, output = folder / "report.xml", folder / "output.txt"
    command = [sys.executable, "-m", "pytest", *suite.tests, "-c", str(settings), "--tb=short"]
    command += ["-p", "no:cacheprovider", f"--junit-xml={report}"]
    command += [part for plugin in plugins for part in ("-p", plugin)]
    environment = os.environ | {"PYTHONPATH": str(HERE / "plugins"), "PYTEST_ADDOPTS": ""}
    with output.open("w") as printed:
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd=folder,
                env=environment,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_RUN,
            )
        except subprocess.TimeoutExpired:
            raise SuiteBroken(f"{suite.name} took more than {LONGEST_RUN} s; see {output}") from None
    if done.returncode not in {0, TESTS_FAILED}:
        raise SuiteBroken(f"{suite.name}: pytest did not run the tests:\n{output.read_text()[-4000:]}")
    return _outcomes(report)


def _find(requirement: str, folder: Path) -> Path | None:
    name, _, version = requirement.partition("==")
    wanted = f"{name}-{version}.tar.gz".lower().replace("_", "-")
    return next((path for path in folder.glob("*.gz") if path.name.lower().replace("_", "-") == wanted), None)


def _unpack(requirement: str, sdists: Path, folder: Path) -> None:
    path = _find(requirement, sdists)
    assert path is not None
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            _, _, member.name = member.name.partition("/")
            if member.name.partition("/")[0] in TAKEN:
                archive.extract(member, folder, filter="data")


def _outcomes(report: Path) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):
        # A test whose teardown fails is there twice.
        problem = next((part.tag for part in case if part.tag in {"failure", "error", "skipped"}), "passed")
        identity = _identity(case.attrib["classname"], case.attrib["name"], report.parent)
        if outcomes.get(identity, "passed") == "passed":
            outcomes[identity] = problem
    return outcomes


def _identity(dotted: str, name: str, folder: Path) -> str:
    """The id of a test, as pytest takes it on its command line.

    Args:
        dotted: the module and perhaps the class, as the report names them.
        name: the function, with its parameters.
        folder: where the tests ran.
    """
    parts = dotted.split(".")
    length = next(n for n in range(len(parts), 0, -1) if (folder / f"{'/'.join(parts[:n])}.py").exists())
    return "::".join([f"{'/'.join(parts[:length])}.py", *parts[length:], name])
