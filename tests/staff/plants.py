"""Planted copies: the same work, disguised as people disguise it. Every disguise keeps what the code does."""

import ast
import random
from collections.abc import Callable, Collection
from functools import cache
from itertools import pairwise

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.staff import bank

UNARY = {"exp", "log", "sqrt", "abs", "cumsum", "logsumexp", "softmax", "log_softmax", "gather", "mean", "sum"}
ALTERNATIVES = cache(bank.alternatives)
WORDS = ("alpha", "beta", "gamma", "blob", "thing", "tmp", "foo", "value", "data", "item", "helper", "left", "right")


def planted(source: str, names: tuple[str, ...], disguises: tuple[str, ...], rng: random.Random) -> str:
    """A file with these definitions disguised; the last definition of each name counts, the others go."""
    tree = ast.parse(source)
    last = {getattr(node, "name", None): node for node in tree.body}
    tree.body = [node for node in tree.body if last[getattr(node, "name", None)] is node or not hasattr(node, "name")]
    for disguise in disguises:
        for node in list(tree.body):
            if getattr(node, "name", None) in names:
                for function in functions(node):
                    DISGUISES[disguise](function, tree, rng)
        ast.fix_missing_locations(tree)
        tree = ast.parse(ast.unparse(tree))
    return ast.unparse(tree)


def functions(node: ast.stmt) -> list[ast.FunctionDef]:
    """The functions of a definition: the methods, if it is a class."""
    if not isinstance(node, ast.ClassDef):
        return [node] if isinstance(node, ast.FunctionDef) else []
    return [child for child in node.body if isinstance(child, ast.FunctionDef)]


# --- renamed ----------------------------------------------------------------------------------------------------------
def renamed(function: ast.FunctionDef, tree: ast.Module, rng: random.Random) -> None:
    """Every local variable has another name, a new docstring stands on top, annotations are gone."""
    own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    inner = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef | ast.Lambda)]
    own -= {arg.arg for node in inner for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    words = {name: f"{rng.choice(WORDS)}_{at}" for at, name in enumerate(sorted(own))}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in words:
            node.id = words[node.id]
        if isinstance(node, ast.arg):
            node.annotation = None
    function.returns = None
    function.body.insert(0, ast.Expr(ast.Constant(f"I wrote this myself, {rng.random():.3f}.")))


# --- reordered --------------------------------------------------------------------------------------------------------
class _Swap(ast.NodeTransformer):
    """Terms of sums and products change places."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        self.generic_visit(node)
        lists = any(isinstance(side, ast.List | ast.ListComp | ast.JoinedStr) for side in (node.left, node.right))
        if isinstance(node.op, ast.Add | ast.Mult) and not lists:
            node.left, node.right = node.right, node.left
        return node


def reordered(function: ast.FunctionDef, tree: ast.Module, rng: random.Random) -> None:
    """Independent statements, methods, and terms change places."""
    _Swap().visit(function)
    for at, (first, second) in enumerate(pairwise(function.body)):
        free = not (_names(first) & _stored(second) or _stored(first) & _names(second))
        if isinstance(first, ast.Assign) and isinstance(second, ast.Assign) and free:
            function.body[at : at + 2] = [second, first]
            break
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and function in node.body:
            methods = [child for child in node.body if isinstance(child, ast.FunctionDef)]
            rest = [child for child in node.body if child not in methods]
            node.body = rest + rng.sample(methods, len(methods))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _stored(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


# --- split ------------------------------------------------------------------------------------------------------------
def split(function: ast.FunctionDef, tree: ast.Module, rng: random.Random) -> None:
    """Each operand gets a variable of its own; of a plain function, the last expression becomes a function."""
    body = []
    for statement in function.body:
        if isinstance(statement, ast.Assign | ast.Return) and statement.value is not None:
            cut = _Cut(f"part_{len(body)}")
            statement.value = cut.children(statement.value)
            body += cut.before
        body.append(statement)
    function.body = body
    last = function.body[-1]
    if function in tree.body and isinstance(last, ast.Return) and last.value is not None:
        local = _stored(function) | {arg.arg for arg in function.args.args}
        free = sorted(_names(last.value) & local)
        name = f"_finish_{function.name}"
        helper = ast.parse(f"def {name}({', '.join(free)}):\n    return None").body[0]
        helper.body = [ast.Return(last.value)]
        last.value = ast.parse(f"{name}({', '.join(free)})", mode="eval").body
        tree.body.insert(tree.body.index(function), helper)


class _Cut(ast.NodeTransformer):
    """Moves operands and arguments into variables, in the order in which they are computed."""

    def __init__(self, name: str):
        self.name, self.before = name, []

    def children(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.BinOp):
            node.left, node.right = self.cut(node.left), self.cut(node.right)
        elif isinstance(node, ast.Call) and not isinstance(node.func, ast.Lambda):
            if isinstance(node.func, ast.Attribute):
                node.func.value = self.cut(node.func.value)
            node.args = [arg if isinstance(arg, ast.Starred) else self.cut(arg) for arg in node.args]
        return node

    def cut(self, node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.BinOp | ast.Call):
            return node
        value = self.children(node)
        name = f"{self.name}_{len(self.before)}"
        self.before.append(ast.Assign([ast.Name(name, ast.Store())], value))
        return ast.Name(name, ast.Load())


# --- translated -------------------------------------------------------------------------------------------------------
class _Translate(ast.NodeTransformer):
    """Methods and functions, powers, means, quotients, positions and keywords take each other's places."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(ast.Name("torch"), name), args=[first, *rest]) if name in UNARY:
                return ast.Call(ast.Attribute(first, name, ast.Load()), rest, node.keywords)
            case ast.Call(func=ast.Attribute(value=value, attr="square"), args=[]):
                return ast.BinOp(value, ast.Pow(), ast.Constant(2))
            case ast.Call(func=ast.Attribute(value=value, attr="pow"), args=[ast.Constant(value=2)]):
                return ast.BinOp(value, ast.Mult(), value)
            case ast.Call(func=ast.Attribute(value=value, attr="mean"), args=[], keywords=[]) if not _library(value):
                total = ast.Call(ast.Attribute(value, "sum", ast.Load()), [], [])
                return ast.BinOp(total, ast.Div(), ast.Call(ast.Name("_count", ast.Load()), [value], []))
        if [keyword.arg for keyword in node.keywords] in (["dim"], ["axis"]) and not node.args:
            return ast.Call(node.func, [node.keywords[0].value], [])
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.BinOp(left=left, op=ast.Mult(), right=ast.Call(func=ast.Attribute(attr="exp"), args=[minus])):
                if isinstance(minus, ast.UnaryOp) and isinstance(minus.op, ast.USub):
                    node.right.args = [minus.operand]
                    return ast.BinOp(left, ast.Div(), node.right)
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
                return ast.BinOp(left, ast.Mult(), left)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        return ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body)


def _library(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("torch", "np", "math")


def translated(function: ast.FunctionDef, tree: ast.Module, rng: random.Random) -> None:
    """The same steps with other words of the language; a comprehension becomes a loop."""
    _Translate().visit(function)
    body = []
    for statement in function.body:
        match statement:
            case ast.Assign([ast.Name(name)], ast.ListComp(elt, [each])) if not each.ifs:
                loop = ast.parse(f"{name} = []\nfor _ in _:\n    {name}.append(_)").body
                loop[1].target, loop[1].iter, loop[1].body[0].value.args = each.target, each.iter, [elt]
                body += loop
            case _:
                body.append(statement)
    function.body = body
    if "_count" not in {getattr(node, "name", None) for node in tree.body}:
        helper = ast.parse("def _count(x):\n    return x.numel() if hasattr(x, 'numel') else x.size").body[0]
        tree.body.insert(_after_imports(tree), helper)


def _after_imports(tree: ast.Module) -> int:
    return next(at for at, node in enumerate(tree.body) if isinstance(node, ast.FunctionDef | ast.ClassDef))


DISGUISES: dict[str, Callable] = {f.__name__: f for f in (renamed, reordered, split, translated)}


# --- independent students ---------------------------------------------------------------------------------------------
def mixtures(rng: random.Random, names: Collection[str] | None = None) -> dict[str, str]:
    """The files of a student who answers each exercise in one of the bank's right ways, whatever others do.

    Args:
        names: of the right ways to choose from, if not from all.
    """
    found = {}
    for file in exercises.files():
        reference = (ROOT / file).read_text(encoding="utf-8")
        given = {getattr(node, "name", None) for node in ast.parse(reference).body}
        parts = [reference]
        for exercise in (each for each in exercises.load().values() if each.file == file):
            ways = [text for name, text in ways_of(exercise.id) if names is None or name in names]
            last = {node.name: node for node in ast.parse(rng.choice([reference, *ways])).body if hasattr(node, "name")}
            own = [node for name, node in last.items() if name in exercise.names or name not in given]
            parts += map(ast.unparse, own)
        found[file] = "\n\n".join(parts)
    return found


@cache
def ways_of(exercise: str) -> tuple[tuple[str, str], ...]:
    """Names and texts of the right alternatives."""
    return tuple((name, each.source) for name, each in ALTERNATIVES().items() if exercise in each.exercises)


def copied(work: dict[str, str], disguises: tuple[str, ...], rng: random.Random) -> dict[str, str]:
    """All files of a student, disguised."""
    names = {file: tuple(name for each in exercises.load().values() if each.file == file for name in each.names)
             for file in work}  # fmt: skip
    return {file: planted(text, names[file], disguises, rng) for file, text in work.items()}
