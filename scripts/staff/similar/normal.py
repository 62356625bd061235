"""The code of one exercise as a row of tokens in which only what it does is left.

Removed     comments, docstrings, annotations, what the template gives (methods, statements), what is never reached
One form    names that the student chose; numbers; torch.exp(x) and x.exp(); x.pow(2), x * x and x.square(); the order
            of the terms of a sum or a product; a loop that appends and a comprehension; `if` and the conditional
            expression; a variable that is used once and the expression itself; keywords and positions
Kept        names of libraries and of the homework, structure

A token has the line that it comes from, so that what two students share can be shown in their own words.
"""

import ast
import builtins
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from hw1 import exercises
from hw1.exercises import ROOT, Exercise
from scripts.staff.similar.variables import filled_in, is_empty, used_once
from tests.autograder.staff.markers import strip

LIBRARIES = {"torch", "np", "numpy", "math", "nn", "F", "functional", "distributions", "special"}
SAME = {  # names of the same operation
    "pow": "square", "float_power": "square", "unsqueeze": "index", "expand_dims": "index", "view": "reshape",
    "concat": "cat", "concatenate": "cat", "clamp": "clip", "amax": "max", "absolute": "abs",
    "add": "+", "mul": "*", "multiply": "*", "sub": "-", "subtract": "-", "neg": "-", "negative": "-",
    "div": "/", "divide": "/", "true_divide": "/", "gt": "<", "greater": "<", "lt": "<", "less": "<",
}  # fmt: skip
SWAPPED = {ast.Gt: "<", ast.GtE: "<=", ast.Lt: "<", ast.LtE: "<="}
SYMBOLS = {
    ast.Add: "+", ast.Mult: "*", ast.Sub: "-", ast.Div: "/", ast.Mod: "%", ast.Pow: "square", ast.MatMult: "matmul"
}  # fmt: skip
OPERATORS = {"+": ast.Add, "*": ast.Mult}
VERSION = "1"  # of this form; a new one reads all submissions again
MOST = 20_000  # tokens of one exercise; more are written by nobody

Token = tuple[str, int]
"""A token and its line."""


@dataclass(frozen=True)
class Piece:
    """The code of one exercise."""

    tokens: tuple[str, ...]
    lines: tuple[int, ...]
    """Of the file, one for each token, from 1."""


class Unreadable(Exception):
    """A student's file that is no Python, in a sentence."""


def pieces(text: str, file: str) -> dict[str, Piece]:
    """The code of each exercise of a student's file; exercises that are not begun are left out.

    Raises Unreadable.
    """
    try:
        tree = ast.parse(text)
        found = {each.id: _piece(tree, each) for each in exercises.load().values() if each.file == file}
    except SyntaxError as error:
        raise Unreadable(f"{file}:{error.lineno}: no Python ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"{file}: cannot be read ({type(error).__name__})") from None
    return {id: piece for id, piece in found.items() if piece.tokens}


@cache
def template(file: str) -> ast.Module:
    """The students' version of a file."""
    return ast.parse(strip((ROOT / file).read_text(encoding="utf-8"), file))


def _definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """Functions, classes and assignments at the top of a module by name; the last one of a name counts."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {each.id: node for each in node.targets if isinstance(each, ast.Name)}
    return found


def _piece(tree: ast.Module, exercise: Exercise) -> Piece:
    """The functions of an exercise, and everything that they reach in the file and that the template does not have."""
    own, given = _definitions(tree), _definitions(template(exercise.file))
    todo, seen = [name for name in exercise.names if name in own], set()
    tokens: list[Token] = []
    while todo and len(tokens) < MOST:
        name = todo.pop(0)
        if name in seen:
            continue
        seen.add(name)
        tokens += _definition(own[name], given.get(name), frozenset(given))
        reached = [node.id for node in ast.walk(own[name]) if isinstance(node, ast.Name)]
        todo += [each for each in dict.fromkeys(reached) if each in own and each not in given]
    tokens = tokens[:MOST]
    return Piece(tuple(token for token, _ in tokens), tuple(line for _, line in tokens))


def _definition(node: ast.stmt, given: ast.stmt | None, known: frozenset[str]) -> list[Token]:
    if not isinstance(node, ast.ClassDef):
        return _function(node, given, known)
    before = _definitions(given) if isinstance(given, ast.ClassDef) else {}
    tokens = []
    for child in node.body:
        theirs = [before[name] for name in _definitions(ast.Module([child], [])) if name in before]
        tokens += _function(child, theirs[0] if theirs else None, known)
    return tokens


def _function(node: ast.stmt, given: ast.stmt | None, known: frozenset[str]) -> list[Token]:
    """The statements of a function that are not in the template; of anything else, all of it."""
    statements = _statements(node, known)
    if given is None:
        return [token for statement in statements for token in statement]
    theirs = Counter(tuple(text for text, _ in statement) for statement in _statements(given, known))
    tokens = []
    for statement in statements:
        text = tuple(text for text, _ in statement)
        if theirs[text] or _is_stub(text):
            theirs[text] -= 1
        else:
            tokens += statement
    return tokens


def _is_stub(text: tuple[str, ...]) -> bool:
    return "NotImplementedError" in text


def _statements(node: ast.stmt, known: frozenset[str]) -> list[list[Token]]:
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    writer = Writer(known, used_once(node) if function else {}, filled_in(node))
    written = [list(writer.write(statement)) for statement in (node.body if function else [node])]
    return [tokens for tokens in written if tokens]


class Writer:
    """Writes trees as tokens, an operation in front of what it works on."""

    def __init__(self, known: frozenset[str], values: dict[str, ast.expr], filled: set[str]):
        self.known, self.values, self.filled = known, values, filled

    def write(self, node: ast.AST | None) -> Iterator[Token]:
        """The tokens of a tree."""
        method = getattr(self, f"_{type(node).__name__.lower()}", self._other)
        yield from method(node) if node is not None else ()

    def _all(self, nodes) -> Iterator[Token]:
        for node in nodes:
            yield from self.write(node)

    def _other(self, node: ast.AST) -> Iterator[Token]:
        children = ast.iter_child_nodes(node)
        if isinstance(node, ast.stmt | ast.expr):
            yield type(node).__name__, node.lineno
        yield from self._all(child for child in children if not isinstance(child, ast.expr_context | ast.arguments))

    # --- statements ---
    def _expr(self, node: ast.Expr) -> Iterator[Token]:
        match node.value:
            case ast.Constant():  # a docstring, or "..."
                return
            case ast.Call(func=ast.Attribute(attr="append", value=ast.Name()), args=[value]):
                yield from self.write(value)
            case value:
                yield from self.write(value)

    def _assign(self, node: ast.Assign) -> Iterator[Token]:
        if [getattr(target, "id", None) in self.values for target in node.targets] == [True] or is_empty(node.value):
            return
        yield from self._all(target for target in node.targets if not isinstance(target, ast.Name | ast.Tuple))
        yield "=", node.lineno
        yield from self.write(node.value)

    def _annassign(self, node: ast.AnnAssign) -> Iterator[Token]:
        if node.value:
            yield from self._assign(ast.copy_location(ast.Assign([node.target], node.value), node))

    def _augassign(self, node: ast.AugAssign) -> Iterator[Token]:
        target = ast.copy_location(ast.Name("_", ast.Load()), node)
        yield "=", node.lineno
        yield from self.write(ast.copy_location(ast.BinOp(target, node.op, node.value), node))

    def _return(self, node: ast.Return) -> Iterator[Token]:
        if not (isinstance(node.value, ast.Name) and node.value.id in self.filled):
            yield from self.write(node.value)

    def _functiondef(self, node: ast.FunctionDef) -> Iterator[Token]:
        yield from self._all(node.body)

    def _lambda(self, node: ast.Lambda) -> Iterator[Token]:
        yield from self.write(node.body)

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[Token]:
        yield from ()

    _importfrom = _pass = _import

    def _if(self, node: ast.If | ast.IfExp) -> Iterator[Token]:
        yield "if", node.lineno
        for part in (node.test, node.body, node.orelse):
            yield from self._all(part) if isinstance(part, list) else self.write(part)

    _ifexp = _if

    def _for(self, node: ast.For) -> Iterator[Token]:
        yield "for", node.lineno
        yield from self._all([node.iter, *node.body, *node.orelse])

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Iterator[Token]:
        for each in node.generators:
            yield "for", node.lineno
            yield from self._all([each.iter, *each.ifs])
        yield from self.write(node.elt)

    _generatorexp = _setcomp = _listcomp

    def _dictcomp(self, node: ast.DictComp) -> Iterator[Token]:
        for each in node.generators:
            yield "for", node.lineno
            yield from self._all([each.iter, *each.ifs])
        yield from self._all([node.key, node.value])

    # --- expressions ---
    def _name(self, node: ast.Name) -> Iterator[Token]:
        if node.id in self.values:
            yield from self.write(self.values[node.id])
        else:
            yield node.id if node.id in self.known or node.id in vars(builtins) else "V", node.lineno

    def _constant(self, node: ast.Constant) -> Iterator[Token]:
        number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
        yield "#" if number else "S" if isinstance(node.value, str) else repr(node.value), node.lineno

    def _attribute(self, node: ast.Attribute) -> Iterator[Token]:
        yield SAME.get(node.attr, node.attr), node.lineno
        if not _is_library(node.value):
            yield from self.write(node.value)

    def _call(self, node: ast.Call) -> Iterator[Token]:
        match node:
            case ast.Call(func=ast.Attribute(attr=name, value=value)):
                arguments = [*([] if _is_library(value) else [value]), *node.args]
                if name in ("unsqueeze", "expand_dims"):  # the position of a new axis is a filler
                    arguments, node.keywords = arguments[:1], []
                yield from self._operation(SAME.get(name, name), node, arguments, node.keywords)
            case _:
                yield from self.write(node.func)
                yield from self._all([*node.args, *(keyword.value for keyword in node.keywords)])

    def _operation(self, name: str, node: ast.expr, arguments: list, keywords: list) -> Iterator[Token]:
        if name in ("+", "*") and len(arguments) == 2:
            yield from self._binop(ast.copy_location(ast.BinOp(arguments[0], OPERATORS[name](), arguments[1]), node))
            return
        yield name, node.lineno
        if name == "square":
            arguments = arguments[:1]
        yield from self._all([*arguments, *(keyword.value for keyword in keywords)])

    def _binop(self, node: ast.BinOp) -> Iterator[Token]:
        symbol = SYMBOLS.get(type(node.op), type(node.op).__name__)
        if symbol in ("+", "*"):
            terms = [list(self.write(term)) for term in _terms(node, type(node.op))]
            if symbol == "*" and len(terms) == 2 and _text(terms[0]) == _text(terms[1]):
                yield "square", node.lineno
                yield from terms[0]
                return
            for at, term in enumerate(sorted(terms, key=_text)):
                yield from [(symbol, node.lineno)] if at else []
                yield from term
            return
        yield symbol, node.lineno
        yield from self.write(node.left)
        if symbol != "square":
            yield from self.write(node.right)

    def _unaryop(self, node: ast.UnaryOp) -> Iterator[Token]:
        if not isinstance(node.operand, ast.Constant):
            yield "-" if isinstance(node.op, ast.USub) else type(node.op).__name__, node.lineno
        yield from self.write(node.operand)

    def _compare(self, node: ast.Compare) -> Iterator[Token]:
        sides = [node.left, *node.comparators]
        if isinstance(node.ops[0], ast.Gt | ast.GtE):
            sides.reverse()
        yield from ((SWAPPED.get(type(op), type(op).__name__), node.lineno) for op in node.ops)
        yield from self._all(sides)

    def _subscript(self, node: ast.Subscript) -> Iterator[Token]:
        yield "index", node.lineno
        yield from self.write(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        yield from self._all(part for part in parts if not _is_filler(part))

    def _tuple(self, node: ast.Tuple | ast.List) -> Iterator[Token]:
        yield from self._all(node.elts)

    _list = _tuple

    def _starred(self, node: ast.Starred) -> Iterator[Token]:
        yield from self.write(node.value)

    def _keyword(self, node: ast.keyword) -> Iterator[Token]:
        yield from self.write(node.value)


def _text(tokens: list[Token]) -> list[str]:
    return [text for text, _ in tokens]


def _terms(node: ast.expr, operator: type) -> list[ast.expr]:
    """The terms of a sum, or the factors of a product, however they are put in brackets."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, operator):
        return _terms(node.left, operator) + _terms(node.right, operator)
    return [node]


def _is_library(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in LIBRARIES


def _is_filler(node: ast.expr) -> bool:
    """`:`, `...` and `None` in an index: x[:, None, :] and x.unsqueeze(1) are the same."""
    match node:
        case ast.Slice(lower=None, upper=None) | ast.Constant(value=None) | ast.Constant(value=builtins.Ellipsis):
            return True
    return False
