"""Beaker's settings and the store's, told apart; Beaker passes both to a back end."""

from __future__ import annotations

from typing import Any, Final

from .._shared import refuse_unknown

# Beaker's own settings. It passes those to a back end that it has not used itself.
SESSION_SETTINGS: Final = frozenset({
    "auto", "cookie_domain", "cookie_expires", "cookie_path", "crypto_type", "data_dir", "data_serializer",
    "encrypt_key", "encrypt_nonce_bits", "httponly", "invalidate_corrupt", "key", "lock_dir", "samesite",
    "save_accessed_time", "secret", "secure", "session_class", "timeout", "type", "use_cookies",
    "validate_key", "webtest_varname",
})  # fmt: skip
CACHE_SETTINGS: Final = frozenset(
    {"data_dir", "enabled", "expire", "key_length", "lock_dir", "regions", "type"}
)
# What Beaker passes to a back end beside its documented settings.
BEAKER_INTERNALS: Final = frozenset({"class", "digest_filenames", "log_file"})
# Beaker leaves keyword arguments with a prefix among the settings, beside the same ones without it.
PREFIXES: Final = ("session.", "beaker.session.", "cache.", "beaker.cache.")


def store_settings(
    settings: dict[str, Any], beakers: frozenset[str], *, prefix: str, max_age: str
) -> dict[str, Any]:
    """The settings of the store, without Beaker's own.

    Raises:
        ConfigurationError: for a setting that neither the store nor Beaker knows.
    """
    ours = {name: value for name, value in settings.items() if not name.startswith(PREFIXES)}
    refuse_unknown(ours, BEAKER_INTERNALS, prefix=prefix, options=beakers, max_age=max_age)
    return {name: value for name, value in ours.items() if name not in beakers | BEAKER_INTERNALS}
