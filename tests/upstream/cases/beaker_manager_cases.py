"""What Beaker's tests ask of its back ends for servers, asked of its back end for files."""

from __future__ import annotations

from tests.test_managers import base


class TestFile(base.CacheManagerBaseTests):
    SUPPORTS_EXPIRATION = False
    SUPPORTS_TIMEOUT = False
    CACHE_ARGS = {"type": "file", "data_dir": "./cache"}  # noqa: RUF012 - Beaker's tests read it of the class
