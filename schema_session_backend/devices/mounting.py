"""The path at which the page is mounted, and the WSGI environment below that path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def mount_path(path: object) -> str:
    """A path with a slash at its start and none at its end.

    Raises:
        ConfigurationError: for an empty path, which would be the whole site.
    """
    if not isinstance(path, str) or not path.strip("/"):
        msg = f"the page's path takes where it is, such as '/devices', not {path!r}"
        raise ConfigurationError(msg)
    return f"/{path.strip('/')}"


def wsgi_text(text: str) -> str:
    """A text as it stands in a WSGI environment, where each character is a byte."""
    return text.encode().decode("latin-1")


def mounted_at(environ: Mapping[str, Any], mount: str) -> dict[str, Any]:
    """The environment of an application that is mounted at the start of the path.

    Args:
        environ: the environment of the whole site.
        mount: the start of `PATH_INFO`, as it stands there.
    """
    return {
        **environ,
        "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + mount,
        "PATH_INFO": environ.get("PATH_INFO", "")[len(mount) :],
    }


def mounted_before(environ: Mapping[str, Any], rest: str) -> dict[str, Any]:
    """The environment of an application that is mounted before the end of the path.

    Args:
        environ: the environment of the whole site.
        rest: the end of the path, which is the application's, as the host's routing has decoded it.
    """
    path = environ.get("PATH_INFO", "")
    return mounted_at(environ, path.removesuffix(wsgi_text(rest)).rstrip("/"))
