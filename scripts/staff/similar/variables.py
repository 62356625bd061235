"""Variables that only name something: with and without them, a program is the same."""

import ast
from collections import Counter


def used_once(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, ast.expr]:
    """The values of variables that are set once and used once: each will be written where it is used."""
    nodes = list(ast.walk(function))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    stored = Counter(node.id for node in names if not isinstance(node.ctx, ast.Load))
    stored.update(node.arg for node in nodes if isinstance(node, ast.arg))
    loaded = Counter(node.id for node in names if isinstance(node.ctx, ast.Load))
    return {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        if stored[node.targets[0].id] == loaded[node.targets[0].id] == 1 and not is_empty(node.value)
    }


def filled_in(node: ast.stmt) -> set[str]:
    """Lists that begin empty: a loop that fills one is a comprehension."""
    assigned = [each for each in ast.walk(node) if isinstance(each, ast.Assign) and is_empty(each.value)]
    return {target.id for each in assigned for target in each.targets if isinstance(target, ast.Name)}


def is_empty(value: ast.expr) -> bool:
    return isinstance(value, ast.List) and not value.elts
