"""The house rules that a machine can check: import order, words, who prints, no paths of one machine."""

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest

from costmodel.spec.rules.rulebook import REGISTRY

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "costmodel"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Reading order; nothing imports from below it. The one error type stands first: every layer raises it.
LAYERS = (
    "costmodel.spec.problems",
    "costmodel.einsum",
    "costmodel.spec.load",
    "costmodel.spec.units",
    "costmodel.components",
    "costmodel.spec",
    "costmodel.execute",
    "costmodel.transform",
    "costmodel.importing",
    "costmodel.listing",
    "costmodel.model",
    "costmodel.describe",
    "costmodel.orders",
    "costmodel.trace",
    "costmodel.mapper",
    "costmodel.sweep",
    "costmodel.advice",
    "costmodel.report",
    "costmodel.api",
    "costmodel.validate",
    "costmodel.cli",
    "costmodel.__main__",
)

# The frame flushes, the other one prints.
PRINTERS = {"costmodel.cli.frame", "costmodel.cli.output"}

SAY = {
    "data_?spaces?|operands?": "tensor",
    "loop_?dims?": "rank_variable",
    "unroll\\w*": "Spatial",
    "mem_?lv\\w*|mem_?levels?": "level",
    "loop_?nests?": "nest",
    "pareto_?sets?": "front",
}

TEXT = {".py", ".yaml", ".yml", ".md", ".toml", ".html", ".js", ".css", ".json", ".txt", ""}


def imports_of(module: str, path: Path) -> set[str]:
    """Modules of ours that a module imports, anywhere in it (lazily too)."""
    found = set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: package.count(".") + 2 - node.level]
                base = ".".join([*above, *filter(None, [base])])
            found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names}
    return {name for name in found if name in MODULES and name not in {"costmodel", module}}


IMPORTS = {module: imports_of(module, path) for module, path in MODULES.items()}


def layer_of(module: str) -> int:
    """Place of the longest prefix that LAYERS names; the package itself stands above all."""
    places = [place for place, name in enumerate(LAYERS) if module == name or module.startswith(f"{name}.")]
    return max(places, key=lambda place: len(LAYERS[place])) if places else -1


def test_every_module_belongs_to_a_layer():
    assert [module for module in MODULES if layer_of(module) < 0] == ["costmodel"]


def test_nothing_imports_from_below_it():
    upward = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if module != "costmodel"
        for name in sorted(names)
        if layer_of(name) > layer_of(module)
    ]
    assert upward == []


def test_no_two_modules_import_each_other():
    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(IMPORTS[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(IMPORTS[name])
        return seen

    assert [module for module in MODULES if module in reachable(module)] == []


WINGS = (
    "costmodel.mapper.lattice",
    "costmodel.mapper.uneven",
    "costmodel.mapper.sample",
    "costmodel.mapper.fused",
)
ABOVE_THE_WINGS = (
    "costmodel.mapper.engines",
    "costmodel.mapper.layers",
    "costmodel.mapper.network",
    "costmodel.mapper.cascade_curve",
    "costmodel.mapper.curve",
    "costmodel.mapper.why",
)
"""The modules of the mapper that may use a wing; all others that stand beside the wings are their floor."""


def wing_of(module: str) -> str:
    return next((wing for wing in WINGS if module == wing or module.startswith(f"{wing}.")), "")


def test_a_wing_is_entered_by_its_door():
    past_the_door = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in sorted(names)
        if (wing := wing_of(name)) and wing != wing_of(module) and name != wing
    ]
    assert past_the_door == []


def test_the_floor_of_the_mapper_uses_no_wing():
    floor = [m for m in MODULES if m.startswith("costmodel.mapper.") and not wing_of(m) and m not in ABOVE_THE_WINGS]
    assert {f"costmodel.mapper.{name}" for name in ("allowed", "holding", "obey", "front", "result")} <= set(floor)
    assert [f"{m} imports {name}" for m in floor for name in sorted(IMPORTS[m]) if wing_of(name)] == []


def test_no_engine_knows_a_rule_by_name():
    kinds = {kind.__name__ for kind in REGISTRY}
    named = {m: identifiers(ast.parse(MODULES[m].read_text(encoding="utf-8"))) & kinds for m in MODULES}
    assert {m for m, found in named.items() if found and not m.startswith("costmodel.spec.rules")} == set()


@pytest.mark.parametrize("wing", WINGS)
def test_a_door_opens_on_what_it_names(wing):
    door = importlib.import_module(wing)
    assert door.__all__
    assert all(getattr(door, name).__module__.startswith(f"{wing}.") for name in door.__all__)
    with pytest.raises(AttributeError):
        door.nothing  # noqa: B018  asking is the test


def identifiers(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.keyword(arg=str(name)):
                names.add(name)
    return names


@pytest.mark.parametrize("module", MODULES)
def test_one_word_per_thing(module):
    names = identifiers(ast.parse(MODULES[module].read_text(encoding="utf-8")))
    said = [
        f"{name}: say {word!r}"
        for name in sorted(names)
        for bad, word in SAY.items()
        if re.search(rf"(?:^|_)(?:{bad})(?:$|_)", name.lower())
    ]
    assert said == []


@pytest.mark.parametrize("module", [name for name in MODULES if name not in PRINTERS])
def test_only_the_command_line_prints(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    prints = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
        or (isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr"} and ast.unparse(node.value) == "sys")
    ]
    assert prints == []


def repository_files() -> list[Path]:
    """Files of the repository: tracked and not ignored, or all where this is not a git checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        hidden = {".git", ".venv", "runs", "build", "dist", "__pycache__"}
        every = (path for path in ROOT.rglob("*") if not hidden & set(path.relative_to(ROOT).parts))
        return [path for path in every if path.is_file() and not path.parent.name.startswith(".")]
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_no_path_of_one_machine_is_written_down():
    path_of_a_machine = re.compile(r"(?<![\w./<:-])/(?:work|root|home|Users)/\w")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in repository_files()
        if path.suffix in TEXT and path.stat().st_size < 2_000_000
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if path_of_a_machine.search(line)
    ]
    assert found == []


def test_every_module_says_what_it_is_for():
    silent = [m for m, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


STATED = {
    *("read_pj", "write_pj", "hop_pj", "energy_of", "rate_of", "leakage_w", "drain", "access_bits", "hop_bits"),
    *("bandwidth_bits_per_cycle", "read_bits_per_cycle", "write_bits_per_cycle", "in_flight_bits"),
    "network",
}
"""What a level states about its costs: only the price book reads it."""


@pytest.mark.parametrize("module", MODULES)
def test_only_the_price_book_reads_what_a_level_states(module):
    if module.startswith(("costmodel.spec", "costmodel.model.walk")) or module == "costmodel.model.meters":
        return
    read = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in STATED
        and isinstance(node.ctx, ast.Load)
        and not (node.attr == "drain" and is_a_count(module, node.value))
    ]
    assert read == []


DRAINED = {
    ("costmodel.model.explain.returning", "c"),
    ("costmodel.model.actions", "c"),
    ("costmodel.model.invariants", "c"),
    ("costmodel.model.explain.boundary", "c"),
    ("costmodel.model.batch", "c"),
    ("costmodel.report.chart", "self"),
    ("costmodel.report.chart_svg", "child"),
    ("costmodel.report.chart_svg", "flows"),
}
"""Words of a crossing or of a box of the chart are named ``drain``, too."""


def is_a_count(module: str, value: ast.expr) -> bool:
    """Whether ``value.drain`` are the words of a crossing or of a box of a chart."""
    return (module, ast.unparse(value)) in DRAINED


@pytest.mark.parametrize("module", MODULES)
def test_only_formats_multiply_by_the_width_of_a_tensor(module):
    if module.startswith(("costmodel.spec", "costmodel.model.walk")) or module == "costmodel.model.formats":
        return
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    scaled = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        for operand in operands(node)
        if isinstance(operand, ast.Attribute) and operand.attr == "bits" and ast.unparse(operand) not in HELD
    ]
    kept = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "bits"
        and re.search(r"(?:^|[._])(?:t|tensors?|whose|plan)(?:\[.*\])?$", ast.unparse(node.value))
        and module not in NAMED
    ]
    assert scaled + kept == []


def operands(node: ast.AST) -> list[ast.expr]:
    """What is multiplied or divided here."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv):
        return [node.left, node.right]
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv):
        return [node.value]
    return []


HELD = {"row.bits", "r.bits", "share.bits", "parts[0].bits"}
"""Bits that are held: words were turned into them already."""
NAMED = {"costmodel.mapper.canonical"}
"""Tells Einsums apart that differ in widths."""


def test_a_class_name_means_one_class():
    """The walk is apart: it is an oracle, and says what it counts in the words of the model that it checks."""
    homes: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        if module.startswith("costmodel.model.walk"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}
