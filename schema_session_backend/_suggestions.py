"""What may have been meant by a name that is no option: one misspelt, or what another library calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .errors import did_you_mean, folded

if TYPE_CHECKING:
    from collections.abc import Collection

# What our options are called by Beaker, Flask-Session, Django, connect-session-knex, SQLAlchemy and the like.
_ELSEWHERE: Final = {
    "max_age": (
        "timeout", "idle_timeout", "session_timeout", "default_timeout", "ttl", "lifetime",
        "session_lifetime", "permanent_session_lifetime", "expire", "expires", "expires_in", "expiration",
        "expiry", "cookie_age",
    ),
    "absolute_max_age": ("absolute_timeout", "max_lifetime"),
    "touch_interval": ("save_accessed_time", "reissue_time", "refresh_each_request", "touch_after"),
    "gc_interval": ("gc", "cleanup_interval", "clear_interval", "cleanup_n_requests"),
    "table_name": ("name", "collection", "sqlalchemy_table"),
    "table": ("model", "model_class", "orm_class"),
    "schemas": ("columns", "fields"),
    "sid_name": ("sid_field_name", "sid_column", "id_name", "id_column"),
    "expire_at_name": ("expires_column", "expired_column", "expiry_column"),
    "additional_name": ("data_name", "data_column", "sess_column"),
    "timestamps": ("created_at", "updated_at"),
    "sync": ("create", "create_table", "create_tables", "create_all", "auto_create"),
    "serializer": ("data_serializer", "serialization_format"),
    "hash_sid": ("hash_id", "hash_ids"),
    "url": (
        "url", "engine", "engine_or_url", "bind", "db", "database", "database_url", "db_url", "dsn", "uri",
        "connection", "conn_string", "connection_string", "client", "knex", "sqlalchemy", "sqlalchemy_url",
    ),
}  # fmt: skip
_MEANT: Final = {folded(word): name for name, words in _ELSEWHERE.items() for word in words}

_IN_A_SCHEMA: Final = "schemas declares the columns; a table in another schema is table_name='schema.name'"
_OF_THE_ENGINE: Final = "it belongs to the Engine, so pass create_engine(url, {name}=…) instead of the URL"
_OF_THE_IDS: Final = "store.prefixed(…) gives the store of the ids that begin with a prefix"
_UNSIGNED: Final = "leave it out, because a session id is random and there is nothing to sign"
_ADVICE: Final = {
    folded(name): advice
    for advice, names in {
        _IN_A_SCHEMA: ("schema", "schema_name", "sqlalchemy_schema"),
        _OF_THE_ENGINE: (
            "connect_args", "creator", "echo", "isolation_level", "max_overflow", "pool", "pool_class",
            "pool_pre_ping", "pool_recycle", "pool_size", "pool_timeout",
        ),
        _OF_THE_IDS: ("prefix", "key_prefix"),
        _UNSIGNED: ("secret", "secret_key", "signer", "use_signer", "validate_key"),
    }.items()
    for name in names
}  # fmt: skip


def suggestion(name: str, known: Collection[str], *, otherwise: str = "") -> str:
    """A half-sentence for an error message: what to write instead of a name that is no option.

    Args:
        name: what was written.
        known: the options that there are; `url` among them where the URL is one.
        otherwise: what to say if nothing is near; all that are known, if it is empty.
    """
    word = folded(name)
    if word in _ADVICE:
        return _ADVICE[word].format(name=name)
    if _MEANT.get(word) == "url" and "url" not in known:
        return "the URL or the Engine is the first argument, without a name"
    also = {word: meant for word, meant in _MEANT.items() if meant in known}
    return did_you_mean(name, known, also=also, otherwise=otherwise)
