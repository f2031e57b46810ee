"""Browsers and devices in words."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ..errors import MissingDependency

try:
    from ua_parser import parse
except ImportError:
    msg = "the page of devices needs ua-parser"
    raise MissingDependency(msg, extra="devices") from None

if TYPE_CHECKING:
    from .texts import Texts

# Browsers send less; parsing takes longer for more.
LONGEST: Final = 512
# ua-parser's names for what it does not know, or what says nothing to people.
_NO_DEVICES: Final = ("Other", "Generic", "K", "Mac", "Spider")
_SYSTEMS: Final = {"Mac OS X": "macOS"}


def device_of(user_agent: str, texts: Texts) -> str:
    """Such as "Firefox on Windows" or "Safari on iPhone"; an empty string if it cannot be told."""
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
