"""What to write instead of a name that is no option: a misspelt option, or the name another library uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ._spelling import did_you_mean, folded

if TYPE_CHECKING:
    from collections.abc import Collection

# Each option with the names that Beaker, Flask-Session, Django, connect-session-knex, SQLAlchemy and other
# libraries use for it.
_NAMES_ELSEWHERE: Final = {
    "max_age": (
        "timeout", "idle_timeout", "session_timeout", "default_timeout", "ttl", "lifetime",
        "session_lifetime", "permanent_session_lifetime", "expire", "expires", "expiretime", "expires_in",
        "expiration", "expiry", "cookie_age",
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
    "encryption_keys": ("encrypt_key", "encryption_key", "fernet_key", "fernet_keys", "keys"),
    "hash_sid": ("hash_id", "hash_ids"),
    # The cookie's name, which is an option of Beaker's.
    "key": ("cookie_name", "session_cookie_name"),
    "url": (
        "url", "engine", "engine_or_url", "bind", "db", "database", "database_url", "db_url", "dsn", "uri",
        "connection", "conn_string", "connection_string", "client", "knex", "sqlalchemy", "sqlalchemy_url",
    ),
}  # fmt: skip
_SYNONYMS: Final = {folded(name): option for option, names in _NAMES_ELSEWHERE.items() for name in names}

_SCHEMA_ADVICE: Final = "schemas declares the columns; a table in another schema is table_name='schema.name'"
_SCHEMA_NAME_ADVICE: Final = "for a table in another schema, set table_name to schema.name"
_ENGINE_ADVICE: Final = "it belongs to the Engine, so pass create_engine(url, {name}=…) instead of the URL"
_ENGINE_OPTIONS_ADVICE: Final = "they belong to the Engine, so pass create_engine(url, …) instead of the URL"
_PREFIX_ADVICE: Final = "store.prefixed(…) gives the store of the ids that begin with a prefix"
_SIGNING_ADVICE: Final = "leave it out, because a session id is random and there is nothing to sign"
_ADVICE: Final = {
    folded(name): advice
    for advice, names in {
        _SCHEMA_ADVICE: ("schema",),
        _SCHEMA_NAME_ADVICE: ("schema_name", "sqlalchemy_schema"),
        _ENGINE_ADVICE: (
            "connect_args", "creator", "echo", "isolation_level", "max_overflow", "pool", "pool_class",
            "pool_pre_ping", "pool_recycle", "pool_size", "pool_timeout",
        ),
        _ENGINE_OPTIONS_ADVICE: ("engine_options", "sa_opts", "sqlalchemy_engine_options"),
        _PREFIX_ADVICE: ("prefix", "key_prefix"),
        _SIGNING_ADVICE: ("secret", "secret_key", "signer", "use_signer", "validate_key"),
    }.items()
    for name in names
}  # fmt: skip


def suggestion(name: str, known: Collection[str], *, otherwise: str = "", max_age: str = "max_age") -> str:
    """The end of an error message about an unknown option: what to write instead.

    Args:
        name: the unknown option.
        known: the options that exist; `url` is one of them where the URL is given by name.
        otherwise: the text to return if no option is similar; a list of all options by default.
        max_age: the option to suggest for the names that other libraries use for `max_age`.
    """
    # Beaker's settings for SQLAlchemy have this prefix.
    name = name.removeprefix("sa.")
    word = folded(name)
    if word in _ADVICE and word not in map(folded, known):
        return _ADVICE[word].format(name=name)
    if _SYNONYMS.get(word) == "url" and "url" not in known:
        return "the URL or the Engine is the first argument, without a name"
    synonyms = {
        synonym: max_age if option == "max_age" else option
        for synonym, option in _SYNONYMS.items()
        if option in known
    }
    return did_you_mean(name, known, synonyms=synonyms, otherwise=otherwise)
