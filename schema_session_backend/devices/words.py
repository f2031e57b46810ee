"""Browsers and devices in words."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ua_parser import parse

if TYPE_CHECKING:
    from .texts import Texts

# Browsers send less, and parsing more takes longer.
LONGEST: Final = 512
# The names by which ua-parser says that it does not know the device, or that mean nothing to people.
_NO_DEVICES: Final = ("Other", "Generic", "K", "Mac", "Spider")
_SYSTEMS: Final = {"Mac OS X": "macOS"}


def device_of(user_agent: str, texts: Texts) -> str:
    """Words such as "Firefox on Windows" or "Safari on iPhone"; an empty string for an unknown user agent."""
    browser, system = _parsed(user_agent[:LONGEST])
    if browser and system:
        return texts.browser_on_system.format(browser=browser, system=system)
    return browser or system


@lru_cache(maxsize=1024)
def _parsed(user_agent: str) -> tuple[str, str]:
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    device = found.device.family if found.device else ""
    if device and not device.startswith(_NO_DEVICES):
        system = device
    return browser.replace("Mobile", "").strip(), _SYSTEMS.get(system, system)
