"""Tokens to a typed tree. Loosest first: or, and, not, `= != in`, `??`, `|`."""

from __future__ import annotations

from functools import lru_cache

from mappings.language.expressions import (
    All,
    Call,
    Compare,
    Component,
    Expression,
    Fallback,
    Field,
    Index,
    Listing,
    Literal,
    Logic,
    Member,
    Not,
    Path,
    Step,
    Where,
)
from mappings.language.lexer import ExpressionError, Token, tokens


@lru_cache(maxsize=8192)
def parse(text: str) -> Expression:
    """Raises ExpressionError."""
    return _Parser(text, tokens(text)).whole()


class _Parser:
    def __init__(self, text: str, found: list[Token]) -> None:
        self.text = text
        self.found = found
        self.next = 0

    @property
    def token(self) -> Token:
        return self.found[self.next]

    def take(self) -> Token:
        token = self.token
        self.next += 1
        return token

    def at(self, *texts: str) -> bool:
        return self.token.kind in ("operator", "name") and self.token.text in texts

    def expect(self, text: str) -> Token:
        if self.token.text != text or self.token.kind not in ("operator", "name"):
            raise ExpressionError(self.token.position, f"expected `{text}` {self.found_here()}")
        return self.take()

    def found_here(self) -> str:
        return f"before `{self.token.text}`" if self.token.text else "at the end"

    def whole(self) -> Expression:
        expression = self.disjunction()
        if self.token.kind != "end":
            raise ExpressionError(
                self.token.position,
                f"`{self.token.text}` is left over",
                'two words without an operator between them; a literal text stands in quotes: "text"',
            )
        return expression

    def disjunction(self) -> Expression:
        left = self.conjunction()
        while self.at("or"):
            position = self.take().position
            left = Logic("or", left, self.conjunction(), position)
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while self.at("and"):
            position = self.take().position
            left = Logic("and", left, self.negation(), position)
        return left

    def negation(self) -> Expression:
        if self.at("not"):
            position = self.take().position
            return Not(self.negation(), position)
        return self.comparison()

    def comparison(self) -> Expression:
        left = self.fallback()
        if self.at("=", "!=", "in"):
            operator = self.take()
            right = self.listing() if operator.text == "in" and self.at("(") else self.fallback()
            left = Compare(operator.text, left, right, operator.position)
            if self.at("=", "!=", "in"):
                raise ExpressionError(self.token.position, "comparisons do not chain", "join them with `and`")
        return left

    def listing(self) -> Listing:
        position = self.expect("(").position
        return Listing(self.arguments(), position)

    def fallback(self) -> Expression:
        left = self.pipe()
        if self.at("??"):
            position = self.take().position
            return Fallback(left, self.fallback(), position)
        return left

    def pipe(self) -> Expression:
        left = self.primary()
        while self.at("|"):
            self.take()
            name = self.take()
            if name.kind != "name":
                raise ExpressionError(name.position, "after `|` comes the name of a function or template")
            arguments: tuple[Expression, ...] = ()
            if self.at("("):
                self.take()
                arguments = self.arguments()
            left = Call(name.text, (left, *arguments), name.position, piped=True)
        return left

    def arguments(self) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self.at(")"):
            found.append(self.disjunction())
            if not self.at(")"):
                self.expect(",")
        self.expect(")")
        return tuple(found)

    def primary(self) -> Expression:
        token = self.take()
        match token.kind:
            case "string":
                text = token.text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
                return Literal(text, "text", token.position)
            case "number":
                return Literal(token.text, "number", token.position)
            case "field":
                segment, _, number = token.text.partition("-")
                return self.path(segment, (Field(int(number)),), token)
            case "components":
                self.next -= 1
                return self.path("", (), token)
            case "name":
                return self.name(token)
        if token.text == "(":
            inner = self.disjunction()
            self.expect(")")
            return inner
        advice = "write the path with its segment or data type: `PID-3.1`, `CX.1`" if token.kind == "member" else ""
        what = f"`{token.text}` cannot stand here" if token.text else "the expression is not finished"
        raise ExpressionError(token.position, what, advice)

    def name(self, token: Token) -> Expression:
        if token.text in ("true", "false"):
            return Literal(token.text, "boolean", token.position)
        if token.text in ("or", "and", "not", "in"):
            raise ExpressionError(token.position, f"`{token.text}` cannot stand here")
        if self.at("("):
            self.take()
            return Call(token.text, self.arguments(), token.position)
        return self.path(token.text, (), token)

    def path(self, root: str, steps: tuple[Step, ...], start: Token) -> Path:
        found = list(steps)
        while True:
            if self.token.kind == "components":
                found += [Component(int(number)) for number in self.take().text[1:].split(".")]
            elif self.token.kind == "member":
                found.append(Member(self.take().text[1:]))
            elif self.at("["):
                found.append(self.selector())
            else:
                end = self.found[self.next - 1]
                text = self.text[start.position : end.position + len(end.text)]
                return Path(root, tuple(found), start.position, text)

    def selector(self) -> Step:
        self.expect("[")
        step: Step
        if self.at("*"):
            self.take()
            step = All()
        elif self.token.kind == "number" and self.found[self.next + 1].text == "]":
            number = self.take()
            if not number.text.isdigit() or number.text == "0":
                raise ExpressionError(number.position, "repetitions count from 1")
            step = Index(int(number.text))
        else:
            step = Where(self.disjunction())
        self.expect("]")
        return step
