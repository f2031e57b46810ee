"""The recording of commands at a terminal for README.md: `make screenshots` takes it."""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text
from test_cli_terminal import Terminal

from schema_session_backend import SessionStore

IMAGE = Path(__file__).parents[2] / "docs" / "images" / "command-line.svg"
SCHEMAS = "user_id Integer index; device String(50)"
SESSIONS = {
    "laptop": {"user_id": 42, "device": "Firefox on Linux", "cart": [1, 2]},
    "phone": {"user_id": 42, "device": "Safari on iPhone"},
    "tablet": {"user_id": 42, "device": "Chrome on Android"},
    "other": {"user_id": 7, "device": "Edge on Windows", "csrf_token": "b7a8f1"},
}
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Run the commands on a table of sample sessions, and draw what they show."""
    with tempfile.TemporaryDirectory() as directory:
        environ = {
            "SCHEMA_SESSION_URL": f"sqlite:///{directory}/site.db",
            "SCHEMA_SESSION_SCHEMAS": SCHEMAS,
            "SCHEMA_SESSION_TIMESTAMPS": "true",
        }
        with SessionStore(environ["SCHEMA_SESSION_URL"], schemas=SCHEMAS, timestamps=True) as store:
            for sid, data in SESSIONS.items():
                store.set(sid, data)
            phone = store.handle("phone")[:12]
        console = Console(record=True, width=80, file=Path("/dev/null").open("w", encoding="utf-8"))  # noqa: SIM115
        for command in ("check", "ls --user 42", "show " + phone, f"revoke --user 42 --except {phone}"):
            terminal = Terminal(*shlex.split(command), environ=environ)
            if command.startswith("revoke"):
                terminal.wait_for("Go on?")
                terminal.type("y\n")
            terminal.end()
            console.print(Text(f"$ schema-session {command}", style="bold"))
            console.print(Text.from_ansi(terminal.output.decode().replace("\r\n", "\n")))
    svg = console.export_svg(title="schema-session", unique_id="schema-session")
    # The fonts would come from a server of somebody else's.
    IMAGE.write_text(FONT_FACE.sub("", svg), encoding="utf-8")


if __name__ == "__main__":
    main()
