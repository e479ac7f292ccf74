"""The one rule of the layout: imports point to arena/; only app.py and commands/ import both sides."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"os.environ", "os.getenv"}
BESIDE_ERRORS = {f"arena.{path.stem}" for path in (ROOT / "arena").iterdir()} - {"arena.errors"}
FORBIDDEN = {
    "arena": {"ui", "backends", "backup", "hubs", "commands", "bench", "app", "gradio", "torch", *ENVIRONMENT},
    "backends": {"ui", "backup", "commands", "bench", "app", "gradio", "arena.votes", "arena.judging"},
    "backup": {"ui", "backends", "commands", "bench", "app", "gradio", "torch", *ENVIRONMENT},
    "hubs": {"ui", "backends", "backup", "commands", "bench", "app", "gradio", "torch", *ENVIRONMENT, *BESIDE_ERRORS},
    "bench": {"ui", "backup", "commands", "app", "gradio"},
    "ui": {"backends", "backup", "hubs", "commands", "bench", "app", "torch", *ENVIRONMENT},
}


def used(path):
    """The dotted names that a file imports, wherever it does, and those of the os module that it reads."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            yield f"os.{node.attr}"


def rooms_of_backends():
    """For each room of backends (a folder, a loose file, or the package itself) the other rooms that it imports."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in ROOT.glob("backends/**/*.py")}
    room = {name.removesuffix(".__init__"): (*name.split("."), "")[1] for name in files}
    graph = {}
    for name, path in files.items():
        # `from backends.x import y` may import the module backends.x.y.
        targets = {name if name in room else name.rpartition(".")[0] for name in used(path)} & room.keys()
        graph.setdefault((*name.split("."), "")[1], set()).update(room[target] for target in targets)
    return {name: others - {name} for name, others in graph.items()}


def test_the_rooms_of_backends_are_at_most_six_layers_without_a_cycle():
    left, layers = rooms_of_backends(), 0
    while left:
        lowest = {name for name, others in left.items() if not others & left.keys()}
        assert lowest, f"a cycle of imports among {sorted(left)}"
        left = {name: others for name, others in left.items() if name not in lowest}
        layers += 1
    assert 1 < layers <= 6


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_only_what_it_may(room):
    files = list((ROOT / room).rglob("*.py"))
    names = {(path.name, name) for path in files for name in used(path)}
    assert len(files) > 2
    assert not {(file, name) for file, name in names for bad in FORBIDDEN[room] if f"{name}.".startswith(f"{bad}.")}


def test_no_other_code_lies_outside_the_rooms():
    places = {path.parent.name for path in ROOT.glob("[!.]*/*.py")} | {path.name for path in ROOT.glob("*.py")}
    assert not places - {"arena", "backends", "backup", "ui", "commands", "bench", "hubs", "tests", "app.py"}


def test_no_module_at_the_root_hides_one_of_the_standard_library():
    names = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert "app" in names and "arena" in names
    assert not names & sys.stdlib_module_names
