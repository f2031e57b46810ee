"""SQL with line breaks, so that a person can read it. Nothing but white space changes.

What is too long for one line is taken apart: a statement into its clauses, a list into its items, a condition
and a CASE into their branches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 110
STEP = "    "

TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|[(),]|[^\s(),'\"`]+)")
CLAUSES = [
    clause.split()
    for clause in (
        "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "FOR UPDATE", "INSERT INTO", "VALUES",
        "ON CONFLICT", "DO UPDATE SET", "ON DUPLICATE KEY UPDATE", "UPDATE", "SET", "DELETE FROM", "DELETE",
    )
]  # fmt: skip


class Token(NamedTuple):
    """A word, a sign or a text in quotes; or, with `inner`, what stands in a pair of parentheses."""

    text: str
    spaced: bool
    """Whether there is white space before it."""
    inner: tuple[Token, ...] | None = None


def laid_out(sql: str) -> str:
    """The same SQL on several lines."""
    return "\n".join(_statement(_tokens(sql), ""))


def _tokens(sql: str) -> list[Token]:
    # The last list is that of the innermost parenthesis that is open.
    open_ones: list[list[Token]] = [[]]
    spaces: list[bool] = []
    for match in TOKEN.finditer(sql):
        text, spaced = match[1], match.start(1) > match.start()
        if text == "(":
            open_ones.append([])
            spaces.append(spaced)
        elif text == ")":
            inner = open_ones.pop()
            open_ones[-1].append(Token(f"({_flat(inner)})", spaces.pop(), tuple(inner)))
        else:
            open_ones[-1].append(Token(text, spaced))
    (whole,) = open_ones
    return whole


def _flat(tokens: Iterable[Token]) -> str:
    return "".join(f"{' ' if token.spaced else ''}{token.text}" for token in tokens).strip()


def _statement(tokens: Sequence[Token], indent: str) -> list[str]:
    lines = []
    for head, body in _clauses(tokens):
        separators = {"AND"} if head[0].text == "WHERE" else {","}
        parts = _parts(body, separators)
        if len(indent + _flat([*head, *body])) <= WIDTH or len(parts) == 1:
            lines += _part([*head, *body], indent)
        else:
            lines += [indent + _flat(head), *_list(parts, indent + STEP, fills=head[0].text == "SELECT")]
    return lines


def _clauses(tokens: Sequence[Token]) -> list[tuple[list[Token], list[Token]]]:
    """The clauses of a statement, each with the words that it begins with and the rest of it."""
    clauses: list[tuple[list[Token], list[Token]]] = []
    rest = list(tokens)
    while rest:
        size = _clause_words(rest)
        if size or not clauses:
            clauses.append((rest[: size or 1], []))
            rest = rest[size or 1 :]
        else:
            clauses[-1][1].append(rest.pop(0))
    return clauses


def _clause_words(tokens: Sequence[Token]) -> int:
    """How many words of a clause's name come next."""
    for words in CLAUSES:
        if [token.text for token in tokens[: len(words)]] == words:
            # MariaDB has a function of that name too, as in VALUES(sid).
            is_function = words == ["VALUES"] and not tokens[1].spaced
            return 0 if is_function else len(words)
    return 0


def _list(parts: Iterable[Sequence[Token]], indent: str, *, fills: bool = False) -> list[str]:
    """The parts on lines of their own; if it fills, short ones share a line."""
    listed = [_part(part, indent) for part in parts]
    if not fills or any(len(lines) > 1 for lines in listed):
        return [line for lines in listed for line in lines]
    filled: list[str] = []
    for (line,) in listed:
        if filled and len(filled[-1]) + len(line.lstrip()) < WIDTH:
            filled[-1] += f" {line.lstrip()}"
        else:
            filled.append(line)
    return filled


def _parts(tokens: Sequence[Token], separators: set[str]) -> list[list[Token]]:
    """The parts between separators: a comma ends its part, a word begins the next one."""
    parts: list[list[Token]] = [[]]
    is_between = False
    for token in tokens:
        if token.text == ",":
            parts[-1].append(token)
            if "," in separators:
                parts.append([])
            continue
        if token.text in separators and not is_between:
            parts.append([])
        is_between = token.text == "BETWEEN" or (is_between and token.text != "AND")
        parts[-1].append(token)
    return [part for part in parts if part]


def _part(tokens: Sequence[Token], indent: str) -> list[str]:
    flat = indent + _flat(tokens)
    if len(flat) <= WIDTH:
        return [flat]
    words = [token.text for token in tokens]
    if "CASE" in words:
        start, end = words.index("CASE"), len(words) - words[::-1].index("END") - 1
        branches = _list(_parts(tokens[start + 1 : end], {"WHEN", "THEN", "ELSE"}), indent + STEP)
        return [indent + _flat(tokens[: start + 1]), *branches, indent + _flat(tokens[end:])]
    groups = [index for index, token in enumerate(tokens) if token.inner]
    if not groups:
        return [flat]
    longest = max(groups, key=lambda index: len(tokens[index].text))
    group: Any = tokens[longest]
    before = _flat([*tokens[:longest], group._replace(text="(")])
    return [
        indent + before,
        *_inside(group.inner, indent + STEP),
        indent + f"){_after(tokens[longest + 1 :])}",
    ]


def _inside(tokens: Sequence[Token], indent: str) -> list[str]:
    if tokens[0].text == "SELECT":
        return _statement(tokens, indent)
    words = {token.text for token in tokens}
    separators = next((one for one in ({","}, {"OR"}, {"AND"}, {"+", "-"}) if one & words), {","})
    return _list(_parts(tokens, separators), indent, fills=separators == {","})


def _after(tokens: Sequence[Token]) -> str:
    flat = _flat(tokens)
    return f" {flat}" if tokens and tokens[0].spaced else flat
