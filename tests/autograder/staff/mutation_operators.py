"""The mutation operators: small mechanical changes of a solution, each of a kind that students make.

Arithmetic, comparisons, signs, numbers, booleans and empty loops come from cosmic-ray; the others are written here.
Each operator is applied to a snippet: a function's parameters in one line, then lines of its body.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import ClassVar

from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator, operator_names
from parso.python.tree import Name
from parso.tree import NodeOrLeaf

# Left out of the library: bit operators, shifts and ~, which floats do not have; `is`; decorators, exceptions and
# break, which no solution has; replacements by random names (SwappedNames below tries all).
LEFT_OUT = r"Shift|Bit|Invert|Is|UAdd|Decorator|Exception|Break|Continue|Variable|NoOp"

ARRAY = r"(Float|Int|Int64|Real|Bool)\[.*|Tensor|Features|Actions"
"""Annotations of arrays."""


# --- helpers for syntax trees -----------------------------------------------------------------------------------------
def text(node: NodeOrLeaf) -> str:
    return node.get_code(include_prefix=False)


def in_body(node: NodeOrLeaf) -> bool:
    return node.start_pos[0] > 1


def parameters(node: NodeOrLeaf) -> dict[str, tuple[str, str]]:
    """The annotation and the default of each parameter of the function around a node; "" where there is none."""
    function = _around(node, "funcdef")
    pairs = {p.name.value: (p.annotation, p.default) for p in function.get_params()} if function else {}
    return {name: tuple(text(part) if part else "" for part in pair) for name, pair in pairs.items()}


def _around(node: NodeOrLeaf, kind: str) -> NodeOrLeaf | None:
    while node is not None and node.type != kind:
        node = node.parent
    return node


@cache
def _names_of(function: NodeOrLeaf) -> tuple[str, ...]:
    """The parameters and local variables of a function, in order."""
    found = {p.name.value: None for p in function.get_params()}
    stack = [function.children[-1]]
    while stack:
        node = stack.pop()
        if node.type == "name" and node.is_definition() and _around(node, "lambdef") is None:
            found.setdefault(node.value)
        stack += reversed(getattr(node, "children", ()))
    return tuple(name for name in found if name not in ("self", "_"))


def names(node: NodeOrLeaf) -> tuple[str, ...]:
    function = _around(node, "funcdef")
    return _names_of(function) if function else ()


def is_use(node: NodeOrLeaf) -> bool:
    """Whether a node reads a parameter or a local variable."""
    return (
        node.type == "name"
        and in_body(node)
        and not node.is_definition()
        and not (node.parent.type == "trailer" and node.get_previous_leaf() == ".")
        and not (node.parent.type == "argument" and node.parent.children[0] is node and len(node.parent.children) > 2)
        and node.value in names(node)
    )


def is_value(node: NodeOrLeaf) -> bool:
    """Whether a node may be an array or a number: a variable, the right side of an assignment or what is returned.

    Not if it is called, or a parameter of another type.
    """
    if is_use(node):
        annotation = parameters(node).get(node.value, ("",))[0]
        return node.get_next_leaf() != "(" and re.fullmatch(f"|int|float|{ARRAY}", annotation) is not None
    parent = node.parent
    result = parent is not None and parent.type in ("expr_stmt", "return_stmt") and node is parent.children[-1]
    return in_body(node) and result and node.type not in ("testlist", "testlist_star_expr", "name")


def wrapped(node: NodeOrLeaf) -> str:
    return text(node) if node.type in ("name", "atom", "atom_expr") else f"({text(node)})"


def call(node: NodeOrLeaf) -> tuple[str, str, list[NodeOrLeaf]] | None:
    """The receiver ("" if there is none), the function's name and the arguments, if the node ends with a call."""
    if node.type != "atom_expr" or text(node.children[-1])[0] != "(" or not in_body(node):
        return None
    *before, function, trailer = node.children
    inner = trailer.children[1:-1]
    if inner and inner[0].type == "arglist":
        inner = [part for part in inner[0].children if part != ","]
    if not before:
        return "", text(function), inner
    return "".join(map(text, before)), text(function).removeprefix("."), inner


# --- operators --------------------------------------------------------------------------------------------------------
class Rewrite(Operator):
    """Replaces the text of a node. `texts(node)` yields the new texts; `EXAMPLE` is a body before and after."""

    EXAMPLE = ("", "")

    def __init__(self, numpy: bool = False):
        """`numpy`: the arrays are numpy's, not torch's."""
        self.numpy = numpy

    def texts(self, node: NodeOrLeaf) -> Iterator[str]:
        raise NotImplementedError

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple]:
        return ((node.start_pos, node.end_pos) for _ in self.texts(node))

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        leaf = Name(list(self.texts(node))[index], node.start_pos, node.get_first_leaf().prefix)
        leaf.parent = node.parent
        return leaf

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        head = "def f(self, x: Tensor, y: Tensor, n: int, rng: np.random.Generator, generator=None):\n    "
        return (Example(*(head + body for body in cls.EXAMPLE)),)


OPERATORS: dict[str, Callable[[bool], list[Operator]]] = {
    kind: lambda numpy, pattern=pattern: [
        get_operator(name)()
        for name in operator_names()
        if re.search(pattern, name) and not re.search(LEFT_OUT, name.removeprefix("core/Replace"))
    ]
    for kind, pattern in {
        "arithmetic": "BinaryOperator",
        "comparisons": "ComparisonOperator",
        "signs": "UnaryOperator",
        "numbers": "Number",
        "booleans": "AddNot|TrueWith|FalseWith|AndWith|OrWith",
        "empty loops": "ZeroIteration",
    }.items()
}
"""Makes the operators of a kind, by the name of the kind; the argument is that of `Rewrite`."""


def operator(kind: str) -> Callable[[type[Rewrite]], type[Rewrite]]:
    def register(cls: type[Rewrite]) -> type[Rewrite]:
        OPERATORS[kind] = lambda numpy: [cls(numpy)]
        return cls

    return register


@operator("axes")
class Axes(Rewrite):
    EXAMPLE = ("return x.sum(dim=-1)", "return x.sum(dim=0)")

    def texts(self, node):
        if node.type == "argument" and in_body(node) and text(node.children[0]) in ("dim", "axis"):
            name, _, value = map(text, node.children)
            yield from (f"{name}={other}" for other in ("0", "1", "-1", "-2") if other != value)
            yield f"{name}=None"


@operator("reductions")
class Functions(Rewrite):
    """Also functions that are mistaken for each other."""

    EXAMPLE = ("return x.sum()", "return x.mean()")
    SIMILAR = (
        "sum mean", "mean sum", "mean amax", "sum amax", "mean median", "max min", "max mean", "std var", "any all",
        "all any", "logsumexp amax", "logsumexp sum", "logsumexp mean", "argmax argmin", "cumsum cumprod",
        "cumsum flip", "log_softmax softmax", "log_softmax log_sigmoid", "exp log", "exp exp2", "exp expm1",
        "square abs", "sqrt square", "log log2", "log log1p", "log sqrt", "log exp", "abs square", "stack concatenate",
        "gaussian_nll mse_loss", "reshape view", "cat stack", "chunk split",
    )  # fmt: skip

    def texts(self, node):
        if node.type == "name" and in_body(node) and node.get_next_leaf() == "(":
            yield from (new for old, new in map(str.split, self.SIMILAR) if old == node.value)


@operator("swapped arguments")
class SwappedNeighbours(Rewrite):
    """Neighbours of an argument list or of a tuple, on either side of an assignment."""

    EXAMPLE = ("return f(x, y)", "return f(y, x)")

    def texts(self, node):
        if node.type in ("arglist", "testlist", "testlist_star_expr", "testlist_comp", "exprlist") and in_body(node):
            parts = [child for child in node.children if child != ","]
            if len(parts) != (len(node.children) + 1) // 2:
                return
            for i in range(len(parts) - 1):
                pair = list(map(text, parts[i : i + 2]))
                if all(re.match(r"\w+=", part) for part in pair):  # keyword arguments exchange their values
                    (one, first), (two, second) = (part.split("=", 1) for part in pair)
                    pair = [f"{two}={first}", f"{one}={second}"]
                yield ", ".join([*map(text, parts[:i]), *reversed(pair), *map(text, parts[i + 2 :])])


@operator("dropped calls")
class DroppedCalls(Rewrite):
    """x.f(...) becomes x, and f(x, ...) becomes x."""

    EXAMPLE = ("return torch.exp(x)", "return x")

    def texts(self, node):
        if found := call(node):
            receiver, _, arguments = found
            if receiver and receiver not in ("torch", "np", "self"):
                yield receiver
            if arguments:
                yield wrapped(arguments[0])


@operator("swapped names")
class SwappedNames(Rewrite):
    EXAMPLE = ("return x", "return y")

    def texts(self, node):
        if is_use(node):
            yield from (other for other in names(node) if other != node.value)


@operator("swapped attributes")
class SwappedAttributes(Rewrite):
    """An attribute becomes another one that the same lines use."""

    EXAMPLE = ("return self.a + self.b", "return self.b + self.b")

    def texts(self, node):
        dotted = node.type == "name" and in_body(node) and node.get_previous_leaf() == "."
        if dotted and node.get_next_leaf() not in ("(", "."):
            own = re.findall(r"\.(\w+)\b(?!\()", text(_around(node, "funcdef").children[-1]))
            yield from (other for other in dict.fromkeys(own) if other != node.value)


@operator("clamps")
class Clamps(Rewrite):
    EXAMPLE = ("return x", "return x.clamp(max=0)")

    def texts(self, node):
        if is_value(node) and self.numpy:
            yield from (f"np.clip({text(node)}, {limits})" for limits in ("None, 0", "0, None", "-1, 1"))
        elif is_value(node):
            yield from (f"{wrapped(node)}.clamp({limits})" for limits in ("max=0", "min=0", "-1, 1"))
        if (found := call(node)) and found[1] == "clamp" and (limits := ", ".join(map(text, found[2]))):
            yield from (f"{found[0]}.clamp({side}=({limits.lstrip('*')})[{i}])" for i, side in ((0, "min"), (1, "max")))


@operator("fixed sizes")
class FixedSizes(Rewrite):
    """A length, a size or a number that was given becomes a constant."""

    EXAMPLE = ("return x[:n]", "return x[:1]")

    def texts(self, node):
        code = text(node) if in_body(node) else ""
        length = node.type == "atom_expr" and re.fullmatch(r"len\(.*\)|.*\.shape(\[[^]]*\])", code)
        given = is_use(node) and parameters(node).get(code, ("",))[0] in ("int", "float")
        own = node.type == "atom_expr" and re.fullmatch(r"self\.[a-z_]+", code)
        if length or given or own:
            yield from (f"({size},)" if code.endswith("[:1]") else size for size in "123")


@operator("ignored arguments")
class IgnoredArguments(Rewrite):
    """A parameter is overwritten at the start, or an argument of a call is left out."""

    EXAMPLE = ("return f(y, x)", "n = 0\n    return f(y, x)")
    VALUES: ClassVar = {
        "int": ("0", "1"), "float": ("0.0", "0.5", "1.0"), "bool": ("False", "True"), "Policy": ("expert",),
        "np.random.Generator": ("np.random.default_rng()", "np.random.default_rng(0)"),
        "Callable[[int], float]": ("lambda i: 0.0", "lambda i: 0.5", "lambda i: 1.0"),
    }  # fmt: skip

    def texts(self, node):
        suite = node.parent
        if suite and suite.type == "suite" and suite.parent.type == "funcdef" and suite.children[1] is node:
            indent = " " * node.start_pos[1]
            for name, (annotation, default) in parameters(node).items():
                values = (*self.VALUES.get(annotation, ()), *([default] if default else ()))
                yield from (f"{name} = {value}\n{indent}{text(node)}" for value in dict.fromkeys(values))
        if node.type == "arglist" and in_body(node):
            parts = [text(child) for child in node.children if child != ","]
            for i, part in enumerate(parts):
                if i == len(parts) - 1 or re.match(r"\w+=", part):
                    yield ", ".join(parts[:i] + parts[i + 1 :])


@operator("off by one")
class OffByOne(Rewrite):
    EXAMPLE = ("for i in range(n): pass", "for i in range(n - 1): pass")

    def texts(self, node):
        if (found := call(node)) and found[1] in ("range", "arange"):
            head = f"{found[0]}.{found[1]}".lstrip(".")
            *start, end = map(text, found[2])
            first = start[0] if start else "0"
            yield from (f"{head}({', '.join([*start, f'{end} {change}'])})" for change in ("- 1", "+ 1"))
            yield f"{head}({first} + 1, {end})"
        if is_value(node):
            yield from (f"{wrapped(node)}[{part}]" for part in ("1:", ":-1", ":1"))
            if is_use(node):
                yield f"{node.value}[::-1]" if self.numpy else f"{node.value}.flip(0)"


@operator("dropped statements")
class DroppedStatements(Rewrite):
    EXAMPLE = ("x = y\n    return x", "pass\n    return x")

    def texts(self, node):
        if node.type == "simple_stmt" and in_body(node) and node.children[0].type in ("expr_stmt", "atom_expr"):
            yield "pass\n"


@operator("gradient stopped")
class Detached(Rewrite):
    EXAMPLE = ("return x", "return x.detach()")

    def texts(self, node):
        if is_value(node) and not self.numpy:
            yield f"{wrapped(node)}.detach()"


@operator("changed in place")
class InPlace(Rewrite):
    """The result stays the same, but an argument is changed."""

    EXAMPLE = ("x = x.exp()", "x = x.exp_()")
    METHODS = ("square", "exp", "clamp", "sqrt", "log", "abs")

    def texts(self, node):
        if node.type == "name" and node.value in self.METHODS and in_body(node) and node.get_next_leaf() == "(":
            yield f"{node.value}_"
        if node.type == "return_stmt" and in_body(node):
            indent = " " * node.start_pos[1]
            for name, (annotation, _) in parameters(node).items():
                if annotation == "Dataset" or re.fullmatch(ARRAY, annotation):
                    changed = f"{name}.episode[:]" if annotation == "Dataset" else name
                    yield f"result = {text(node)[7:]}\n{indent}{changed} += 1\n{indent}return result"
