"""What is public: the names in the `__all__` of each module that has one, and the public members of classes.

A module that has no `__all__` is private, whatever its name, and so is what a module does not list there.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import pkgutil
import textwrap
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyramid_schema_session

import schema_session_backend
from docstrings import Docstring, references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

PACKAGES = (schema_session_backend, pyramid_schema_session)
PREFIXES = tuple(f"{package.__name__}." for package in PACKAGES)
# What these do is known, and which of them a class has concerns nobody.
PASSED_OVER = {"__init__", "__post_init__", "__repr__", "__getattr__"}
# Without an underscore, but for other modules of this project and for the host only.
INTERNAL = {"SchemaSession.namespace", "SchemaSession.transaction"}


def modules() -> Iterator[ModuleType]:
    """The modules that could be public, having no underscore; a package comes before its parts."""
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "._" not in found.name:
                yield import_module(found.name)


@cache
def public_modules() -> list[ModuleType]:
    """The modules that have an `__all__`."""
    return [module for module in modules() if hasattr(module, "__all__")]


@cache
def names() -> dict[str, Any]:
    """What is public, by the name of its module and its own; what has several names, by the first."""
    found: dict[str, Any] = {}
    for module in public_modules():
        for name in module.__all__:
            public = getattr(module, name)
            if not any(public is other for other in found.values()):
                found[f"{module.__name__}.{name}"] = public
    return found


@cache
def classes() -> dict[str, PublicClass]:
    """The public classes, by their full names."""
    return {name: PublicClass(public) for name, public in names().items() if isinstance(public, type)}


@cache
def functions() -> dict[str, Call]:
    """The public functions, by their full names."""
    return {
        name: Call(name.rpartition(".")[2], public)
        for name, public in names().items()
        if inspect.isfunction(public)
    }


def calls() -> list[Call]:
    """The public functions, and the constructors, methods and properties of public classes."""
    found = list(functions().values())
    for public in classes().values():
        found += [] if public.constructor is None else [public.constructor]
        found += public.calls.values()
    return found


@dataclass(frozen=True, eq=False)
class Call:
    """A function, a method, a property, or a constructor: `__init__`, described by its class's docstring."""

    name: str
    function: Callable[..., Any]
    owner: PublicClass | None = None
    kind: str = "method"

    def __str__(self) -> str:
        return self.name if self.owner is None else f"{self.owner.name}.{self.name}"

    @cached_property
    def doc(self) -> Docstring:
        """What is told of it."""
        is_constructor = self.owner is not None and self.name == "__init__"
        return self.owner.doc if is_constructor and self.owner else Docstring.of(self.function.__doc__)

    # -- its signature

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @cached_property
    def _parameters(self) -> list[inspect.Parameter]:
        parameters = list(self._signature.parameters.values())
        takes_self = self.owner is not None and self.kind != "staticmethod"
        return [one.replace(annotation=_Source(one.annotation)) for one in parameters[takes_self:]]

    @property
    def parameters(self) -> dict[str, str]:
        """The types of the parameters, as the source spells them, by their names; without self."""
        # What takes nothing, such as `**unknown: Never`, is there to refuse it.
        return {one.name: str(one.annotation) for one in self._parameters if one.annotation != "Never"}

    @property
    def spelled_parameters(self) -> list[str]:
        """The parameters as the source spells them, without self, and the signs between them."""
        spelled: list[str] = []
        kinds = [one.kind for one in self._parameters]
        for one, before, after in zip(self._parameters, [None, *kinds], [*kinds[1:], None], strict=False):
            if one.kind is one.KEYWORD_ONLY and before not in {one.KEYWORD_ONLY, one.VAR_POSITIONAL}:
                spelled.append("*")
            spelled.append(str(one))
            if one.kind is one.POSITIONAL_ONLY and after is not one.kind:
                spelled.append("/")
        return spelled

    @property
    def returned(self) -> str:
        """The type of what it returns, as the source spells it."""
        return str(self._signature.return_annotation)

    # -- what is told of it

    def told(self, parameter: str) -> str:
        """What is told of a parameter: here, by the calls that are referred to, or once in the class."""
        own = self.doc.arguments.get(parameter, "")
        others = [other.told(parameter) for other in self._referred(own or self.doc.prose)]
        of_class = [] if self.owner is None else self.owner.doc.paragraphs_on(parameter)
        return "\n".join(filter(None, [own, *self.doc.paragraphs_on(parameter), *others, *of_class]))

    @cached_property
    def errors(self) -> set[str]:
        """The names of the errors under `Raises`: here, or of the calls that are referred to."""
        return set(self.doc.errors).union(*(other.errors for other in self._referred(self.doc.prose)))

    @cached_property
    def raised(self) -> set[str]:
        """The names of the errors that its own lines raise."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(self.function))))
        raised = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise))
        made = (error.func if isinstance(error, ast.Call) else error for error in raised)
        return {error.id for error in made if isinstance(error, ast.Name) and error.id[0].isupper()}

    def _referred(self, text: str) -> list[Call]:
        """The public calls that a text refers to, such as in "see `set`"."""
        found: list[Call | None] = []
        for name in references(text):
            owner, _, member = name.rpartition(".")
            if not owner and self.owner is not None:
                found.append(self.owner.calls.get(member))
            found += [one.calls.get(member) for one in classes().values() if one.name == owner]
            found += [one.constructor for one in classes().values() if one.name == name]
            found += [one for one in functions().values() if one.name == name]
        return [one for one in found if one is not None and one is not self]


@dataclass(frozen=True)
class Attribute:
    """A class's or an object's attribute that is no method and no property."""

    name: str
    annotation: str
    default: str
    """A plain value, as the source spells it; empty for anything else."""
    doc: str

    def __str__(self) -> str:
        annotated = f"{self.name}: {self.annotation}" if self.annotation else self.name
        return f"{annotated} = {self.default}" if self.default else annotated


class PublicClass:
    """A public class with all members that it has from this project."""

    def __init__(self, made: type) -> None:
        self.name = made.__name__
        self.made = made
        self.doc = Docstring.of(made.__doc__)
        # A base class that is public itself tells of its own members.
        others = [one for one in names().values() if isinstance(one, type) and one is not made]
        self._parts = [one for one in made.__mro__ if _is_ours(one) and one not in others]

    @property
    def heading(self) -> str:
        """How its definition begins, with the base classes that are public or another project's."""
        bases = [one for part in self._parts for one in part.__bases__ if one not in {object, *self._parts}]
        based = ", ".join("NamedTuple" if one is tuple else one.__name__ for one in bases)
        heading = f"class {self.name}({based})" if based else f"class {self.name}"
        if not dataclasses.is_dataclass(self.made):
            return heading
        options = {
            "frozen": vars(self.made)["__dataclass_params__"].frozen,
            "kw_only": all(field.kw_only for field in dataclasses.fields(self.made)),
        }
        given = ", ".join(f"{name}=True" for name, is_set in options.items() if is_set)
        return f"@dataclass({given}) {heading}" if given else f"@dataclass {heading}"

    @cached_property
    def constructor(self) -> Call | None:
        """How it is made; None if its attributes or its base class tell."""
        is_told = dataclasses.is_dataclass(self.made) or hasattr(self.made, "_fields")
        for part in self._parts:
            made_by = vars(part).get("__init__")
            if inspect.isfunction(made_by) and _is_written(made_by) and not is_told:
                return Call("__init__", made_by, self)
        return None

    @cached_property
    def calls(self) -> dict[str, Call]:
        """The methods and properties, by name."""
        members = {name: one for part in reversed(self._parts) for name, one in vars(part).items()}
        found = (self._call(name, member) for name, member in sorted(members.items()))
        return {call.name: call for call in found if call is not None}

    def _call(self, name: str, member: Any) -> Call | None:
        if isinstance(member, (property, cached_property)):
            function = member.fget if isinstance(member, property) else member.func
            kind = "property"
        elif isinstance(member, (classmethod, staticmethod)):
            function, kind = member.__func__, type(member).__name__
        else:
            function, kind = member, "method"
        is_known = name.startswith("__") and name not in PASSED_OVER
        if not is_known and not self._is_public(name):
            return None
        return (
            Call(name, function, self, kind)
            if inspect.isfunction(function) and _is_written(function)
            else None
        )

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The other members, by name, in the order in which they are defined."""
        found: dict[str, Attribute] = {}
        for part in self._parts:
            tree = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
            assert isinstance(tree, ast.ClassDef)
            for attribute in _assigned(tree):
                if self._is_public(attribute.name) and attribute.name not in self.calls:
                    found.setdefault(attribute.name, attribute)
        return found

    def _is_public(self, name: str) -> bool:
        return not name.startswith("_") and f"{self.name}.{name}" not in INTERNAL


def _is_ours(thing: Any) -> bool:
    return f"{thing.__module__}.".startswith(PREFIXES)


def _is_written(function: Any) -> bool:
    """Whether a file of this project defines it, which is not so for what a dataclass adds."""
    return _is_ours(function) and inspect.unwrap(function).__code__.co_filename.endswith(".py")


def _assigned(definition: ast.ClassDef) -> Iterator[Attribute]:
    """The attributes that a class and its constructor assign, with the texts below them."""
    constructors = (
        node for node in definition.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    )
    yield from _targets(definition.body, "")
    for constructor in constructors:
        yield from _targets(constructor.body, "self.")


def _targets(body: list[ast.stmt], prefix: str) -> Iterator[Attribute]:
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            continue
        target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        if not target.startswith(prefix) or not target.removeprefix(prefix).isidentifier():
            continue
        is_described = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        is_plain = isinstance(node.value, ast.Constant) and not prefix
        yield Attribute(
            name=target.removeprefix(prefix),
            annotation=ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else "",
            default=ast.unparse(node.value) if is_plain and node.value is not None else "",
            doc=str(after.value.value) if is_described else "",  # type: ignore[attr-defined]
        )


class _Source(str):
    """An annotation as the source spells it, without quotes around it in a parameter's text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
