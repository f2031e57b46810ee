"""Programs that tests need and that pip does not bring: installed with apt-get, where we may."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any


class NotInstalled(Exception):
    """The package cannot be installed; the message says in one line why."""


def install(*packages: str) -> None:
    """Install Debian packages, unless they are there.

    Raises:
        NotInstalled: without root or apt-get, or if it fails.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        msg = "installing takes root and apt-get"
        raise NotInstalled(msg)
    how: dict[str, Any] = {
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }
    with (Path(tempfile.gettempdir()) / "schema-session-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another process may have installed it while this one waited.
        asking = ["dpkg-query", "--show", "--showformat=${db:Status-Status}\n", *packages]
        if set(subprocess.run(asking, check=False, **how).stdout.split("\n")) == {"installed", ""}:
            return
        subprocess.run(["apt-get", "update"], check=False, **how)
        installing = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
        installed = subprocess.run(installing, check=False, **how)
    if installed.returncode != 0:
        msg = f"apt-get could not install it: {' '.join(installed.stdout.splitlines()[-1:])}"
        raise NotInstalled(msg)
