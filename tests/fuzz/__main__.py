"""`make fuzz`: feeds the parsers of what strangers write with inputs that a fuzzer makes, guided by coverage.

One target after the other, each in a process of its own. An input for which a promise does not hold is kept
in build/fuzz/TARGET/findings, and the command fails. What the fuzzer learns is kept in
build/fuzz/TARGET/corpus for the next time.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from .targets import TARGETS

BUILD = Path(__file__).parents[2] / "build/fuzz"
# What an input may cost before it is a finding: seconds, and MiB of the whole process.
SLOWEST, LARGEST = 5, 1024
_STATUS = re.compile(r"^#(\d+)\s.* cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)


class Told(NamedTuple):
    """What libFuzzer tells at the end."""

    executions: int
    edges: int
    features: int
    inputs: int
    has_found: bool


def main() -> None:
    """Read the command line, fuzz, and tell."""
    arguments = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    arguments.add_argument("--only", action="append", choices=TARGETS, help="this target only; repeatable")
    arguments.add_argument("--seconds", type=int, default=60, help="for each target; 60 if not given")
    given = arguments.parse_args()
    found = []
    for name in given.only or TARGETS:
        told = fuzz(name, given.seconds)
        print(
            f"{name:15} {told.executions:10,} executions, {told.edges:6,} edges, {told.features:6,} features,"
            f" {told.inputs:5,} inputs kept" + ("  FOUND ONE" if told.has_found else ""),
            flush=True,
        )
        found += [name] if told.has_found else []
    if found:
        sys.exit(f"see {BUILD}/NAME/output.txt and {BUILD}/NAME/findings, for {', '.join(found)}")


def fuzz(name: str, seconds: int) -> Told:
    """Fuzz a target for that long, or until something is found."""
    target, folder = TARGETS[name], BUILD / name
    for part in ("seeds", "corpus", "findings"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (folder / "seeds" / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = "\n".join(f'"{_escaped(word)}"' for word in target.words)
    (folder / "words").write_text(words, encoding="ascii")
    options = {
        "dict": folder / "words",
        "artifact_prefix": f"{folder}/findings/",
        "max_len": target.longest,
        "max_total_time": seconds,
        "rss_limit_mb": LARGEST,
        "timeout": SLOWEST,
    }
    command = [
        sys.executable,
        "-m",
        "fuzz.fuzzing",
        name,
        str(folder / "findings"),
        *(f"-{key}={value}" for key, value in options.items()),
    ]
    with (folder / "output.txt").open("w+", encoding="utf-8", errors="replace") as output:
        status = subprocess.run(
            [*command, folder / "corpus", folder / "seeds"], stdout=output, stderr=output, check=False
        ).returncode
        output.seek(0)
        text = output.read()
    if not (last := _STATUS.findall(text)):
        sys.exit(f"{name} could not be fuzzed, see {folder}/output.txt")
    executions, edges, features, inputs = map(int, last[-1])
    return Told(executions, edges, features, inputs, has_found=status != 0)


def _escaped(word: str) -> str:
    """A word as libFuzzer reads it between quotes."""
    return word.replace("\\", "\\\\").replace('"', '\\"')


main()
