"""The three-way merge of a session that two requests have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Same = Callable[[object, object], bool]


def merged(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any], same: Same
) -> dict[str, Any]:
    """Apply the changes from `base` to `mine` to `theirs`, key by key.

    If both changed a key, the value from `mine` is kept, because the later save wins. Values themselves are
    not merged: half of one request's value and half of another's may be a value that no request intended.

    Args:
        base: the session as this request loaded it.
        mine: the session as this request leaves it.
        theirs: the session as other requests have stored it meanwhile.
        same: tells whether two values are equal and of equal types.

    Returns:
        a new dict.
    """
    kept = {key: value for key, value in theirs.items() if key in mine or key not in base}
    changed = {key: value for key, value in mine.items() if key not in base or not same(base[key], value)}
    return kept | changed
