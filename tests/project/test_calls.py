"""No call of the product passes more than four values of one type by position: they would be easy to mix up."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 4
FOLDERS = ("arena", "backends", "backup", "bench", "commands", "hubs", "ui")


def name_of(node):
    """The last name of what is called or decorates: `b` for `b`, `a.b`, `b(...)` and `a.b(...)`."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]


def signatures():
    """The annotated types of the positional parameters of every function, method and dataclass, by name.

    A name that is defined twice is left out, since a call does not say which is meant.
    """
    types, twice = {}, set()
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args]
                annotations = [argument.annotation for argument in arguments if argument.arg not in ("self", "cls")]
            elif isinstance(node, ast.ClassDef) and any(
                "dataclass" in ast.unparse(item) for item in node.decorator_list
            ):
                annotations = [field.annotation for field in node.body if isinstance(field, ast.AnnAssign)]
            else:
                continue
            if node.name in types:
                twice.add(node.name)
            types[node.name] = [ast.unparse(annotation) if annotation else "" for annotation in annotations]
    return {name: annotations for name, annotations in types.items() if name not in twice}


def most_of_one_type(call, types):
    """How many values of one type a call passes by position; 0 where that is unknown."""
    pairs = zip(types.get(name_of(call), ()), call.args, strict=False)
    passed = [kind for kind, value in pairs if not isinstance(value, ast.Starred)]
    return max((passed.count(kind) for kind in set(passed) - {""}), default=0)


def calls_of(source, types):
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and most_of_one_type(node, types) > MOST
    ]


def test_a_call_with_five_strings_is_seen():
    types = {"make": ["str"] * 5 + ["int"]}
    assert calls_of("make('a', 'b', 'c', 'd', 'e')", types) == [1]
    assert calls_of("make('a', 'b', 'c', 'd', e='e')\nother(1, 2, 3, 4, 5)", types) == []


def test_no_call_passes_more_than_four_values_of_one_type_by_position():
    types = signatures()
    assert len(types) > 500
    paths = [ROOT / "app.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
    seen = [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in calls_of(path.read_text("utf-8"), types)]
    assert not seen, seen
