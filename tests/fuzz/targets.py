"""All targets of `make fuzz`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import cookies, requests, schemas, stored_texts

if TYPE_CHECKING:
    from .target import Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for target in (
        stored_texts.LOADS,
        stored_texts.SHARED_LOADS,
        cookies.PYRAMID,
        cookies.BEAKER,
        cookies.FLASK,
        requests.DEVICES,
        requests.REQUEST_FIELDS,
        schemas.TEXT_FORM,
    )
}
