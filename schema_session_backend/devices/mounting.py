"""The path at which the page is mounted in a site, and the WSGI environment that the page gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def mount_path(path: object) -> str:
    """Normalize a path: a slash at its start, and no slash at its end.

    Raises:
        ConfigurationError: for an empty path, at which the page would replace the whole site.
    """
    if not isinstance(path, str) or not path.strip("/"):
        msg = f"the page needs a path of its own in the site, such as '/devices', not {path!r}"
        raise ConfigurationError(msg)
    return f"/{path.strip('/')}"


def wsgi_text(text: str) -> str:
    """A text as a WSGI environment holds it: each character stands for a byte of its UTF-8."""
    return text.encode().decode("latin-1")


def mounted_at(environ: Mapping[str, Any], mount: str) -> dict[str, Any]:
    """The environment for an application that is mounted at the start of the request's path.

    Args:
        environ: the environment of the whole site.
        mount: the start of `PATH_INFO`, see `wsgi_text`.
    """
    return {
        **environ,
        "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + mount,
        "PATH_INFO": environ.get("PATH_INFO", "")[len(mount) :],
    }


def mounted_before(environ: Mapping[str, Any], rest: str) -> dict[str, Any]:
    """The environment for an application that gets the rest of the request's path.

    Args:
        environ: the environment of the whole site.
        rest: the end of the path, behind the application's mount, as the host's routing has decoded it.
    """
    path = environ.get("PATH_INFO", "")
    return mounted_at(environ, path.removesuffix(wsgi_text(rest)).rstrip("/"))
