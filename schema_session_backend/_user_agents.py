"""The names of devices, from the user agents that browsers send."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ua_parser import parse

ON: Final = "{browser} on {system}"
# Browsers send shorter user agents. The limit bounds the time that parsing takes.
MAX_LENGTH: Final = 512
# The start of the names that ua-parser gives to unknown devices, and of names that mean nothing to users.
_NO_DEVICES: Final = ("Other", "Generic", "K", "Mac", "Spider")
_SYSTEMS: Final = {"Mac OS X": "macOS"}


def device_name(user_agent: str, browser_on_system: str = ON) -> str:
    """A name such as "Firefox on Windows" or "Safari on iPhone"; an empty string if nothing is known."""
    browser, system = _browser_and_system(user_agent[:MAX_LENGTH])
    if browser and system:
        return browser_on_system.format(browser=browser, system=system)
    return browser or system


@lru_cache(maxsize=1024)
def _browser_and_system(user_agent: str) -> tuple[str, str]:
    """The names of the browser, and of the device or the operating system; empty strings if unknown."""
    parsed = parse(user_agent)
    browser = parsed.user_agent.family if parsed.user_agent else ""
    system = parsed.os.family if parsed.os else ""
    device = parsed.device.family if parsed.device else ""
    if device and not device.startswith(_NO_DEVICES):
        system = device
    return browser.replace("Mobile", "").strip(), _SYSTEMS.get(system, system)
