"""The key of a result: a digest of everything that made it.

A result is made by a function, from arguments, data and weights. Its key covers the function's own
definition and every definition of this package that it reaches: the functions, classes and
constants that it names, those that these name, and so on across modules, read from the syntax
trees, so that neither a comment nor a docstring, an error's text nor the layout counts. What is not
reached (how a data file is parsed, for a function that is given the images) does not count either.

    python -m fer_utils.provenance data.transforms:normalise    which of RESULTS depend on it
    python -m fer_utils.provenance data.transforms              ... on anything in the module
    python -m fer_utils.provenance training.train_run:train_and_write    what a result depends on

joblib.Memory does not do: it hashes the source of the one function that it wraps, not of what
that calls, and it loads pickles, which this project never does.

What is decided by name at run time alone (`getattr`, a method of an object whose class is nowhere
named) is not seen: annotate parameters with their classes, and keep registries as constants.
"""

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

PACKAGE = "fer_utils"
FOLDER = Path(__file__).parent

#: Modules that store and show results and decide none.
STORAGE = tuple(f"{PACKAGE}.{name}" for name in ("files", "provenance", "training.progress"))

#: What is saved or cached under a key: notebooks 06, 07 and 04, trainings, and what they rest on.
RESULTS = (
    "questions.saliency_maps.measured_maps:measure_saliency",
    "questions.adversarial:measure_filters",
    "questions.ensemble:transformed",
    "training.train_run:train_and_write",
    "training.examples:teacher_probabilities",
    "data.duplicates:near_duplicates",
    "training.runs:part_logits",
    "data.drawn.faces:dataset",
    "data.formats.recognise:at",
)

#: (module, name); the name "" stands for what a module does when it is imported.
Definition = tuple[str, str]


def key(made_by: Callable | str, *ingredients: object) -> str:
    """The key of a result: 16 hexadecimal digits.

    Parameters
    ----------
    made_by
        The function, or "module:function" where importing it would be slow. Of a function that is
        not of this package, such as one in a notebook, its own source alone counts.
    ingredients
        All else that decides the result: arrays (dtype, shape and content count), mappings of
        arrays, bytes, and whatever has a `repr` that says it all, such as a frozen dataclass.
    """
    if not isinstance(made_by, str) and not made_by.__module__.startswith(PACKAGE):
        tree = ast.parse(textwrap.dedent(inspect.getsource(made_by)))
        return digest(_canonical(_without_words(tree)), *ingredients)
    code = {f"{module}:{name}": _source(module, name) for module, name in definitions(made_by)}
    return digest(code, *ingredients)


def digest(*ingredients: object) -> str:
    """What `key` takes besides a function, as 16 hexadecimal digits."""
    found = hashlib.sha256()
    for ingredient in ingredients:
        for part in _content(ingredient):
            found.update(part)
    return found.hexdigest()[:16]


def definitions(made_by: Callable | str) -> list[Definition]:
    """The definitions of this package that a function reaches, itself included, sorted."""
    if not isinstance(made_by, str):
        made_by = f"{made_by.__module__}:{made_by.__qualname__}"
    return _reached(*_absolute(*made_by.split(":")))


def _content(ingredient: object) -> Iterator[bytes]:
    if isinstance(ingredient, np.ndarray):
        yield f"{ingredient.dtype} {ingredient.shape}".encode()
        yield np.ascontiguousarray(ingredient).tobytes()
    elif isinstance(ingredient, Mapping):
        for name in sorted(ingredient):
            yield f"{name}".encode()
            yield from _content(ingredient[name])
    else:
        yield ingredient if isinstance(ingredient, bytes) else repr(ingredient).encode()


def _absolute(module: str, name: str) -> Definition:
    return module if module.startswith(PACKAGE) else f"{PACKAGE}.{module}", name.split(".")[0]


def _reached(module: str, name: str) -> list[Definition]:
    found: set[Definition] = set()
    waiting = [(module, name)]
    while waiting:
        definition = waiting.pop()
        if definition in found or definition[0] in STORAGE:
            continue
        found.add(definition)
        if definition[1]:
            waiting.append((definition[0], ""))
        waiting += _named_by(*definition)
    return sorted(found)


def _named_by(module: str, name: str) -> list[Definition]:
    """The definitions that one definition names itself."""
    nodes = _read(module).definitions.get(name)
    if nodes is None:
        raise ValueError(f"{module} has no definition {name!r} at its top level")
    found = []
    for node in nodes:
        scope = _read(module).imports | dict(_imports(node))
        for used, attribute in _uses(node, frozenset()):
            if used in scope:
                target, inner = scope[used]
                wanted = inner or attribute
                found += _resolved(target, wanted) if wanted else _everything(target)
            elif used in _read(module).definitions:
                found.append((module, used))
    return found


def _uses(node: ast.AST, local: frozenset[str]) -> Iterator[tuple[str, str | None]]:
    """Names that a node takes from outside of it, each with the attribute asked of it, or None."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id not in local:
            yield node.value.id, node.attr
    elif isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in local:
            yield node.id, None
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        body = node.body if isinstance(node.body, list) else [node.body]
        outside = [child for child in ast.iter_child_nodes(node) if child not in body]
        for child in outside:  # decorators, defaults, annotations
            yield from _uses(child, local)
        inner = local | {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
        inner |= {name for part in body for name in _assigned(part)}
        for child in body:
            yield from _uses(child, inner)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _uses(child, local)


def _assigned(node: ast.AST) -> Iterator[str]:
    """The names that a node binds, functions within it apart."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        for child in ast.iter_child_nodes(node):
            yield from _assigned(child)


def _resolved(module: str, name: str) -> list[Definition]:
    """Where `module.name` is defined; a module handed on by another is followed."""
    if _path(f"{module}.{name}"):
        return _everything(f"{module}.{name}")
    read = _read(module)
    if name in read.definitions:
        return [(module, name)]
    if name in read.imports:
        target, attribute = read.imports[name]
        return _resolved(target, attribute) if attribute else _everything(target)
    return [(module, "")]


def _everything(module: str) -> list[Definition]:
    return [(module, name) for name in _read(module).definitions]


@dataclass(frozen=True)
class _Module:
    """Definitions by name, and what imported names stand for: (module, name in it or None)."""

    definitions: dict[str, list[ast.stmt]]
    imports: dict[str, tuple[str, str | None]]


def _read(module: str) -> _Module:
    path = _path(module)
    if path is None:
        raise ValueError(f"there is no module {module}")
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=512)
def _parsed(path: Path, _changed: int) -> _Module:
    definitions: dict[str, list[ast.stmt]] = {"": []}
    imports: dict[str, tuple[str, str | None]] = {}
    for node in _without_words(ast.parse(path.read_text(encoding="utf-8"))).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_imports(node))
        elif not (isinstance(node, ast.If) and _is_for_tools(node.test)):
            for name in _bound(node):
                definitions.setdefault(name, []).append(node)
    return _Module(definitions, imports)


def _path(module: str) -> Path | None:
    inside = FOLDER.parent / module.replace(".", "/")
    return next(
        (p for p in (inside.with_suffix(".py"), inside / "__init__.py") if p.exists()), None
    )


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement at the top level defines; [""] if it only does something."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    assigns = isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
    return (list(_assigned(node)) if assigns else []) or [""]


def _is_for_tools(test: ast.expr) -> bool:
    """Whether an `if` is `TYPE_CHECKING` or `__name__ == "__main__"`, which decide no result."""
    return any(
        isinstance(part, ast.Name) and part.id in ("TYPE_CHECKING", "__name__")
        for part in ast.walk(test)
    )


def _imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """What each name stands for that is imported from this package, at any depth of a node."""
    for part in ast.walk(node):
        if isinstance(part, ast.ImportFrom) and part.module and part.module.startswith(PACKAGE):
            for alias in part.names:
                inner = f"{part.module}.{alias.name}"
                target = (inner, None) if _path(inner) else (part.module, alias.name)
                yield alias.asname or alias.name, target
        elif isinstance(part, ast.Import):
            for alias in part.names:
                if alias.name.startswith(PACKAGE) and alias.asname:
                    yield alias.asname, (alias.name, None)


def _without_words(tree: ast.Module) -> ast.Module:
    """The tree without docstrings, and without what a `raise` raises."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        elif isinstance(node, ast.Raise):
            node.exc = node.cause = None
    return tree


def _source(module: str, name: str) -> str:
    return "\n".join(map(_canonical, _read(module).definitions[name]))


def _canonical(node: object) -> str:
    """A syntax tree as text that is the same for every version of Python (`ast.dump` is not)."""
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (f"{k}={_canonical(v)}" for k, v in ast.iter_fields(node) if v not in (None, []))
    return f"{type(node).__name__}({','.join(fields)})"


def dependents(name: str) -> list[str]:
    """Those of RESULTS that depend on a definition "module:name", or on anything in a module."""
    module, _, definition = name.partition(":")
    wanted = _absolute(module, definition)
    if _path(wanted[0]) is None:
        raise ValueError(f"there is no module {wanted[0]}")
    return [
        result
        for result in RESULTS
        if any(
            found == wanted or (not definition and found[0] == wanted[0])
            for found in definitions(result)
        )
    ]


def main(arguments: list[str]) -> int:
    """Command line; returns the exit status."""
    try:
        (name,) = arguments
        found = (
            [f"{module}:{inner}" for module, inner in definitions(name) if inner]
            if name in RESULTS
            else dependents(name)
        )
    except ValueError as error:
        print(f"expected MODULE or MODULE:NAME, such as {RESULTS[0]} ({error})", file=sys.stderr)
        return 1
    print("\n".join(found) or "no saved result depends on it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
