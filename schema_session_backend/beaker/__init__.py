"""Beaker: `session.type = schema`, `cache.type = schema`, and a session class without Beaker's weaknesses.

What Beaker calls a namespace is one session, or one named part of a cache. Beaker finds
`SchemaNamespaceManager` by an entry point. It passes sessions on to `SerializedSessionNamespace`, and caches
to `CacheNamespace`. `SchemaSession` uses `SessionNamespace` itself.
"""

from .backend import SchemaNamespaceManager
from .requests import RequestMiddleware
from .session_class import SchemaSession

__all__ = ["RequestMiddleware", "SchemaNamespaceManager", "SchemaSession"]
