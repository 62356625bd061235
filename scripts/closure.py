"""What a function depends on: its closure, all definitions of the project that it reaches by name.

From the definition of the function, every name is followed:

    a name of the same module      to the statement that defines it: a function, a class or an assignment
    from hw1.bc import fit         to that definition in the other module
    from hw1 import heads          to everything in that module

Modules that are imported on the way also have effects: whatever else stands at their top level, such as calls that
register environments, loops and ifs. These always count.

Two closures are equal if their syntax trees are: comments, docstrings and line numbers do not count. A closure may be
too large (a local variable can have the name of a function). It is never too small as long as code is found by name,
not by a computed string (`getattr(module, name)`), and a definition has no effect until it is used.
"""

import ast
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

EVERYTHING = "*"  # instead of a name: all that a module defines
NOTHING = ""  # instead of a name: the module is imported, but only its effects count

Target = tuple[str, str]
"""A module, and a name in it, EVERYTHING or NOTHING."""


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a module."""

    lines: range
    tree: str
    """Its syntax tree, without docstrings and line numbers."""
    defines: tuple[str, ...] | None
    """The names that it defines, none for an import; None if it does something else."""
    reaches: tuple[Target, ...]
    """What it names and what it imports."""


@dataclass(frozen=True)
class Module:
    """A parsed module."""

    name: str
    file: Path
    imported: dict[str, list[Target]] = field(default_factory=dict)
    """What each name stands for that is imported anywhere in the module."""
    statements: list[Statement] = field(default_factory=list)


class Sources:
    """The modules in a folder. They are parsed when they are needed; modules from elsewhere do not count."""

    def __init__(self, root: Path):
        self.root = root
        self._modules: dict[str, Module | None] = {}
        self._closures: dict[Target, Closure] = {}

    def closure(self, function: Callable) -> "Closure":
        """The closure of a function that is defined at the top level of a module."""
        start = (function.__module__, function.__qualname__)
        if start not in self._closures:
            module = self.module(function.__module__)
            if module is None or not any(start[1] in (each.defines or ()) for each in module.statements):
                raise ValueError(f"{'.'.join(start)} is not defined at the top level of a module in {self.root}")
            self._closures[start] = Closure(self, start)
        return self._closures[start]

    def everything(self, module: str) -> "Closure":
        """The closure of all that a module defines."""
        return Closure(self, (module, EVERYTHING))

    def module(self, name: str) -> Module | None:
        """The module with that name; None if it is not in the folder."""
        if name not in self._modules:
            file = self._file(name)
            self._modules[name] = self._parse(name, file) if file else None
        return self._modules[name]

    def _file(self, name: str) -> Path | None:
        path = self.root.joinpath(*name.split("."))
        places = (path / "__init__.py", path.with_name(f"{path.name}.py"))
        return next((file for file in places if file.is_file()), None)

    def _parse(self, name: str, file: Path) -> Module:
        tree = _WithoutDocstrings().visit(ast.parse(file.read_text(encoding="utf-8")))
        module = Module(name, file)
        for node in ast.walk(tree):
            for bound, target in self._targets(node, module):
                module.imported.setdefault(bound, []).append(target)
        module.statements.extend(self._statement(statement, module) for statement in tree.body)
        return module

    def _targets(self, node: ast.AST, module: Module) -> Iterator[tuple[str, Target]]:
        """The names that an import binds, and what they stand for. Nothing for any other node."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], (alias.name, EVERYTHING)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, module)
            for alias in node.names:
                inside = f"{origin}.{alias.name}"
                yield alias.asname or alias.name, (inside, EVERYTHING) if self._file(inside) else (origin, alias.name)

    def _statement(self, statement: ast.stmt, module: Module) -> Statement:
        reaches: dict[Target, None] = {}
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                reaches[module.name, node.id] = None
            elif isinstance(node, ast.Attribute):
                reaches |= dict.fromkeys(_modules_named(node, module))
            reaches |= {(origin, NOTHING): None for _, (origin, _) in self._targets(node, module)}
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))])
        lines = range(first, statement.end_lineno + 1)
        return Statement(lines, ast.dump(statement), _defined_by(statement), tuple(reaches))


class Closure:
    """The statements that are reached from `start`."""

    def __init__(self, sources: Sources, start: Target):
        self.sources = sources
        self.statements: dict[str, set[int]] = {}
        """Which statements of each module that is imported."""
        self.bindings: set[str] = set()
        """What the imported names stand for."""
        self._waiting, seen = [start], set()
        while self._waiting:
            target = self._waiting.pop()
            if target not in seen:
                seen.add(target)
                self._follow(*target)

    def digest(self) -> str:
        """A hash of the syntax trees."""
        digest = hashlib.sha256("\n".join(sorted(self.bindings)).encode())
        for name, indices in sorted(self.statements.items()):
            for index in sorted(indices):
                digest.update(f"\n{name}: {self.sources.module(name).statements[index].tree}".encode())
        return digest.hexdigest()

    def covers(self, file: Path, line: int) -> bool:
        """Whether a line of a file belongs to one of the statements."""
        for name, indices in self.statements.items():
            module = self.sources.module(name)
            if module.file == file:
                return any(line in module.statements[index].lines for index in indices)
        return False

    def _follow(self, name: str, what: str) -> None:
        module = self.sources.module(name)
        if module is None:
            return
        if name not in self.statements:
            self._import(module)
        for index, statement in enumerate(module.statements):
            if what == EVERYTHING or what in (statement.defines or ()):
                self._add(module, index)
        for bound in module.imported if what == EVERYTHING else module.imported.keys() & {what}:
            for target in module.imported[bound]:
                self.bindings.add(f"{name}: {bound} is {' '.join(target)}")
                self._waiting.append(target)

    def _import(self, module: Module) -> None:
        """What Python runs when it imports a module: its packages, its own imports and its effects."""
        self.statements[module.name] = set()
        parts = module.name.split(".")
        self._waiting += [(".".join(parts[:length]), NOTHING) for length in range(1, len(parts))]
        self._waiting += module.imported.get("*", [])  # from ... import *
        for index, statement in enumerate(module.statements):
            if statement.defines is None:
                self._add(module, index)
            elif not statement.defines:
                self._waiting += statement.reaches

    def _add(self, module: Module, index: int) -> None:
        if index not in self.statements[module.name]:
            self.statements[module.name].add(index)
            self._waiting += module.statements[index].reaches


class _WithoutDocstrings(ast.NodeTransformer):
    """Removes all strings that stand alone."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node


def _defined_by(statement: ast.stmt) -> tuple[str, ...] | None:
    match statement:
        case ast.Import() | ast.ImportFrom():
            return ()
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (statement.name,)
        case ast.Assign():
            targets = [t for target in statement.targets for t in getattr(target, "elts", [target])]
        case ast.AnnAssign():
            targets = [statement.target]
        case _:
            return None
    return tuple(target.id for target in targets) if all(isinstance(t, ast.Name) for t in targets) else None


def _modules_named(node: ast.Attribute, module: Module) -> Iterator[Target]:
    """The modules that "hw1.bc.fit" may mean: after `import hw1.envs`, any module of the package can be named."""
    first, *attributes = _dotted(node).split(".")
    for origin, what in module.imported.get(first, ()):
        # `import hw1.envs` binds hw1, `from hw1 import envs` and `import hw1.envs as envs` bind hw1.envs.
        prefix = first if origin.startswith(f"{first}.") else origin
        for attribute in attributes if what == EVERYTHING else ():
            prefix = f"{prefix}.{attribute}"
            yield prefix, EVERYTHING


def _dotted(node: ast.expr) -> str:
    """ "a.b.c" for this expression; empty if it does not begin with a name."""
    if isinstance(node, ast.Name):
        return node.id
    before = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return before and f"{before}.{node.attr}"


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    """The full name of what is imported from: "..bc" in hw1.envs.lane is "hw1.bc"."""
    if not node.level:
        return node.module
    package = module.name.split(".") + [""] * (module.file.name == "__init__.py")
    return ".".join([*package[: -node.level], *filter(None, [node.module])])
