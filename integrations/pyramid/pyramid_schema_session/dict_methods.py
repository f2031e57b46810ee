"""All that a dict has, for a session that is none: other factories' sessions are dicts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
    from typing import Self


class DictMethods(MutableMapping[str, Any]):
    """The methods of a dict, on the dict that `_values` is at that time."""

    @property
    @abstractmethod
    def _values(self) -> dict[str, Any]: ...

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    # MutableMapping lacks these, or does otherwise.

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._values)

    def __or__(self, other: dict[str, Any]) -> dict[str, Any]:
        return self._values | other

    def __ror__(self, other: dict[str, Any]) -> dict[str, Any]:
        return other | self._values

    def __ior__(self, other: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Self:
        self._values.update(other)
        return self

    def keys(self) -> KeysView[str]:
        """The keys, as `dict.keys` gives them."""
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        """The values, as `dict.values` gives them."""
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        """The keys with their values, as `dict.items` gives them."""
        return self._values.items()

    def popitem(self) -> tuple[str, Any]:
        """Take the last key, with its value.

        Raises:
            KeyError: if the session is empty.
        """
        return self._values.popitem()

    def copy(self) -> dict[str, Any]:
        """The session as a dict of its own."""
        return self._values.copy()
