"""A fuzzer over all kinds of files and command lines: every case follows from its seed.

Shipped files and folders of runs are changed by structure or as text, and given to a random command. What must come out
is said in ``faults_of``. By hand: ``python tests/fuzz.py FIRST LAST`` prints the faults of seeds FIRST to LAST - 1;
with ``typed`` behind them, those of command lines made of the options that commands declare.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]
BUDGET_S = 1.0
CPU_S = 15.0
"""A command may take this much processor time: two points of a sweep with their budgets, tables and a page."""
WALL_S = 200.0
"""A command may take this long, on a machine that is busy with other things: what waits for ever takes longer."""
CODES = {0, 1, 2, 3, 4, 130}

SMALL = 'name: small\nranks: {M: 8, N: 8, K: 8}\neinsums:\n- {einsum: "Z[m, n] = A[m, k] * B[k, n]", name: Z}\n'
NEST = (
    "arch: two_level\nworkload: small.yaml\neinsum: Z\nnest:\n- store A B Z in MainMemory\n- for m by 4\n"
    "- store A in Buffer\n- for n by 1\n- for k by 2\n- for m by 1\n- for k by 1\n- compute Z on MAC\n"
)
STUDY = (
    "name: tiny\narch: two_level\nworkload: small.yaml\nobjective: [energy, latency]\nmethod: random\ntrials: 3\n"
    "budget: 1 s\npoints: 2\nsampler: grid\naxes:\n  Buffer.size: [1 KiB, 2 KiB]\n"
    "  MAC.throughput: {from: 1, to: 4, step: x2}\nset: {MAC.energy: 2 pJ}\nconstraints: [weight_stationary]\n"
)
ODD: tuple[Any, ...] = (
    *(0, -1, 1, 7, 10**20, 2**63, 10**400, 0.5, 1e-300, float("inf"), float("nan"), True, False, None),
    *("", " ", "0", "-1", "1e400", "nan", "no", "0x10", "12:30", "1 KiB", "-3 pJ", "1e3 GHz", "5 lightyears", "x2"),
    *("*", "m", "Z[m] = A[m]", "Z[m, n] = A[m, k] * B[k, n]", "Z[m,", "M", "(M + 1) / 0", "M ** M ** M", "2 ^ 99999"),
    *(
        "\x00",
        "\x1b]0;title\x07",
        "\u202eabc",
        "é" * 5,
        "名",
        "\ud7ff",
        "a" * 100_000,
        "a\nb",
        "../../x",
        "/etc/passwd",
    ),
    *([], {}, [[]], {"a": {"b": 1}}, [0], ["input", "input"], {"default": -1}, {"read": None, "write": "x"}),
    *(
        "input",
        "weight",
        "Buffer",
        "DRAM",
        "GLB tile m <= 2",
        "for m by 0",
        "store Q in DRAM",
        "parallel m by 1 across PEs.X",
    ),
)
TOKENS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        "-",
        "\n",
        "\t",
        "  ",
        "'",
        '"',
        "|",
        ">",
        "&a ",
        "*a ",
        "<<: *a\n",
        "!!python/name:os.system ",
    ),
    *(
        "---\n",
        "...\n",
        "# ",
        "%YAML 9.9\n",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
        "\u202e",
        "? ",
        "~",
        "1e400",
        "NaN",
        "0o7",
    ),
    *("é", "≤", "µ", "×", "0", "9" * 50, ",", "=", "*", "/", "(", ")", "[" * 400, "- " * 300, "a: " * 50),
)


SENTENCES = (
    *("Buffer keeps A", "Buffer keps A", "Buffer keeps Q", "weight_stationary", "row stationary", "order in Buffer: m"),
    *("utilisation >= 200 %", "Buffer tile m <= 4", "PEs.X only [m", "Buffer.m=2", "Buffer.size=1KiB", "ranks.M=7"),
)
"""What options that take sentences or settings may be given."""


@dataclass(frozen=True)
class Case:
    """Files, and the command that is given them; ``{runs}`` in it stands for a folder with runs."""

    files: dict[str, bytes]
    command: tuple[str, ...]
    damage: tuple[str, str, bytes] | None
    """Run, file and new content; null where no run is damaged."""


# ---------------------------------------------------------------------------------------------------------------
# Changes


def _shipped(kind: str, chance: random.Random) -> str:
    own = {"workloads": SMALL, "mappings": NEST, "studies": STUDY}
    if kind in own and chance.random() < 0.6:
        return own[kind]
    folder = ROOT / ("studies/mappings" if kind == "mappings" else kind)
    return chance.choice(sorted(folder.glob("*.yaml"))).read_text(encoding="utf-8")


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*place, key))


def by_structure(data: Any, chance: random.Random) -> Any:
    """Change one value, key or item of a document."""
    places = list(_places(data))
    if not places:
        return deepcopy(chance.choice(ODD))
    *way, last = chance.choice(places)
    inside = data
    for key in way:
        inside = inside[key]
    what = chance.choice(("odd", "odd", "odd", "number", "delete", "rename", "wrap", "swap", "deep", "double"))
    if what == "delete":
        del inside[last]
    elif what == "rename" and isinstance(inside, dict):
        keys = [*inside, "size", "shape", "energy", "x" * 300, "\x07", "a.b", "", "ranks", "instances"]
        inside[chance.choice(keys)] = inside.pop(last)
    elif what == "wrap":
        inside[last] = chance.choice(([inside[last]], {"a": inside[last]}, str(inside[last])))
    elif what == "swap":
        other = data
        for key in chance.choice(places):
            other = other[key]
        inside[last] = json.loads(json.dumps(other, default=str))
    elif what == "deep":
        deep: Any = 1
        for _ in range(chance.choice((5, 60))):
            deep = chance.choice(([deep], {"a": deep}))
        inside[last] = deep
    elif what == "double" and isinstance(inside, list):
        inside.insert(last, deepcopy(inside[last]))
    elif what == "number" and isinstance(inside[last], str):
        inside[last] = re.sub(
            r"\d+", lambda _: str(chance.choice((0, -1, 1, 3, 10**20, "1e400", 0.1))), inside[last], count=1
        )
    else:
        inside[last] = deepcopy(chance.choice(ODD))  # what is put in may be changed again, and has to be odd next time
    return data


def by_text(text: str, chance: random.Random) -> str:
    """Cut, double, swap or insert characters, tokens or lines."""
    what = chance.choice(("cut", "insert", "insert", "line", "double", "end"))
    if what in {"line", "double"}:
        lines = text.splitlines(keepends=True) or [""]
        at = chance.randrange(len(lines))
        lines[at : at + 1] = [] if what == "line" else [lines[at], chance.choice(lines)]
        return "".join(lines)
    at = chance.randrange(len(text) + 1)
    if what == "end":
        return text[:at]
    if what == "cut":
        return text[:at] + text[at + chance.choice((1, 2, 5, 40)) :]
    return text[:at] + chance.choice(TOKENS) + text[at:]


def changed(text: str, chance: random.Random) -> bytes:
    """A document with none to three changes, perhaps in bytes that are no text."""
    structural = chance.random() < 0.7
    if structural:
        data = yaml.safe_load(text)
        for _ in range(chance.choice((1, 1, 2, 3))):
            data = by_structure(data, chance)
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10**6)
    if not structural or chance.random() < 0.1:
        for _ in range(chance.choice((1, 1, 2, 4))):
            text = by_text(text, chance)
    content = text.encode("utf-8", errors="surrogatepass")
    if chance.random() < 0.02:
        at = chance.randrange(len(content) + 1)
        content = content[:at] + chance.randbytes(3) + content[at:]
    return content


# ---------------------------------------------------------------------------------------------------------------
# Cases


def case_of(seed: int, runs: Path) -> Case:
    """The case of a seed; ``runs`` holds the runs that ``make_runs`` has made."""
    chance = random.Random(seed)
    files, names = {}, {}
    spoiled = chance.choice(("arch", "workloads", "mappings", "studies", "", "arch workloads"))
    for kind in ("arch", "workloads", "mappings", "studies"):
        text = _shipped(kind, chance)
        names[kind] = f"{kind}.yaml"
        files[names[kind]] = changed(text, chance) if kind in spoiled.split() else text.encode()
    files["small.yaml"] = SMALL.encode()
    arch = names["arch"] if "arch" in spoiled else chance.choice(("two_level", "pe2d", "arch.yaml"))
    work = names["workloads"] if "workloads" in spoiled else chance.choice(("small.yaml", "mm64", "conv1d"))
    damage = None
    command = _command(chance, arch, work)
    if command[0] in ("report", "compare", "explain-run", "resume"):
        kind = "sweep" if command[0] == "resume" else chance.choice(("map", "evaluate", "sweep"))
        file = chance.choice(sorted(str(p.relative_to(runs / kind)) for p in (runs / kind).rglob("*") if p.is_file()))
        damage = (kind, file, _damaged((runs / kind / file).read_text(encoding="utf-8"), file, chance))
        command = tuple(part.replace("RUN", f"runs/{kind}") for part in command)
    words = {"explain-run": "explain", "resume": "sweep"}
    command = (words.get(command[0], command[0]), *command[1:])
    if chance.random() < 0.08:
        command = _typed(list(command), chance)
    return Case(files, command, damage)


def _command(chance: random.Random, arch: str, work: str) -> tuple[str, ...]:
    json_too = ("--json",) if chance.random() < 0.2 else ()
    over = _overrides(chance) if chance.random() < 0.2 else ()
    budget = ("--budget", f"{BUDGET_S}s")
    files = ("arch.yaml", "workloads.yaml", "mappings.yaml", "studies.yaml")
    search: tuple[str, ...] = ("--method", "random", "--trials", "3", "--no-bound") if chance.random() < 0.5 else ()
    if not search and chance.random() < 0.3:
        search = ("--tiles", "any")
    return chance.choice(
        (
            ("check", *files, *json_too),
            ("check", *files, *over),
            ("show", chance.choice((*files[:3], arch, work)), *over, *json_too),
            ("evaluate", arch, work, "--mapping", "mappings.yaml", *over, *json_too),
            ("evaluate", "two_level", "small.yaml", "--mapping", "mappings.yaml", "--out", "e", *json_too),
            ("explain", arch, work, "--mapping", "mappings.yaml", chance.choice(("energy", "latency", "DRAM.read"))),
            ("map", arch, work, *budget, *search, "-q", "-j", "1", *over, *json_too, "--no-run"),
            ("map", arch, work, *budget, *search, "-q", "-j", "1", "--out", "m", "--objective", _objective(chance)),
            (
                "map",
                arch,
                work,
                *budget,
                "-q",
                "-j",
                "1",
                "--no-run",
                "--constraint",
                _word(chance),
            ),
            ("curve", arch, work, chance.choice(("Buffer", "GLB", "RF", "MAC", "?")), *budget, *over),
            (
                "sweep",
                "studies.yaml",
                "-q",
                "-j",
                "1",
                "--out",
                "s",
                "--set",
                "points=2",
                "--set",
                "budget=1s",
                *json_too,
            ),
            ("resume", "study.yaml", "-q", "-j", "1", "--out", "RUN"),
            ("report", "RUN", "--out", "p.html"),
            ("compare", "RUN", "runs/map", *json_too),
            ("explain-run", "RUN", "energy"),
        )
    )


def _objective(chance: random.Random) -> str:
    known = ("edp", "energy,latency", "capacity", "area", "energy^2*latency", "e2dp,capacity")
    return chance.choice((*known, "energy^1e400", "x", ",", "energy^-1"))


def _word(chance: random.Random) -> str:
    """An odd value as an argument, which no NUL may be in."""
    return str(chance.choice(ODD)).replace("\x00", "")[:5000]


def _overrides(chance: random.Random) -> tuple[str, ...]:
    paths = ("Buffer.size", "GLB.size", "ranks.M", "clock", "MAC.energy", "PEs.shape.X", "levels", "", ".", "a..b")
    return ("--set", f"{chance.choice(paths)}{chance.choice(('=', '=', '=', ''))}{_word(chance)}")


def _typed(words: list[str], chance: random.Random) -> tuple[str, ...]:
    """Mistype a command line."""
    at = chance.randrange(len(words))
    what = chance.choice(("delete", "double", "odd", "swap"))
    if what == "delete":
        del words[at]
    elif what == "double":
        words.insert(at, words[at])
    elif what == "odd":
        words[at] = _word(chance)
    else:
        other = chance.randrange(len(words))
        words[at], words[other] = words[other], words[at]
    return tuple(word for word in words if word != "--debug")


GOOD = {
    "arch": "two_level",
    "workload": "small.yaml",
    "level": "Buffer",
    "mapping_ref": "mapping.yaml",
    "workload_ref": "small.yaml",
    "study_ref": "study.yaml",
    "kind": "arch",
    "ref": "small.yaml",
    "refs": "study.yaml",
    "folders": "runs/sweep",
    "first": "runs/map",
    "second": "runs/evaluate",
}
"""Of an argument or option that has to be right for anything to happen."""
PATHS = ("", ".", "small.yaml", "runs", "runs/map", "x.html", "x.png", "d/e/x.html", "small.yaml/x.html", "a" * 300)
"""All of them inside of the case's own folder."""
TYPED = (
    "",
    "0",
    "-1",
    "1.5",
    "9" * 40,
    "nan",
    "x",
    "\udcff",
    "1 s",
    "2 KiB",
    "energy,latency",
    "knee",
    "a=b",
    "m",
    "Z",
)


def command_line_of(seed: int) -> Case:
    """A command with options that it declares itself, some with odd values, some twice, some without theirs."""
    from costmodel.cli import app, frame

    chance = random.Random(seed)
    context = click.Context(app)
    name = chance.choice([command for command in frame.COMMANDS if command not in {"list", "schema"}])
    command = app.get_command(context, name)
    words = [name]
    for param in command.params:
        needed = isinstance(param, click.Argument) or param.name == "mapping_ref"
        if param.name == "words":
            words += chance.choice((["runs/map", "energy"], ["two_level", "small.yaml", "Buffer.read"], ["small.yaml"]))
        elif needed and isinstance(param, click.Argument):
            words.append(GOOD.get(param.name, _odd_value(param, chance)) if chance.random() < 0.9 else _word(chance))
        elif needed or param.name in {"budget", "jobs", "only"} or chance.random() < 0.15:
            words += _given(param, chance)
    if chance.random() < 0.1:
        words.insert(chance.randrange(1, len(words) + 1), chance.choice((*TYPED, "--", "-", "--no", "--json=1")))
    files = {"small.yaml": SMALL.encode(), "mapping.yaml": NEST.encode()}
    return Case(files, tuple(words), ("map", "mapping.yaml", NEST.encode()))


def _given(param: click.Parameter, chance: random.Random) -> list[str]:
    """An option as it may be typed."""
    option = chance.choice([*param.opts, *param.secondary_opts])
    if param.is_flag:
        return [option] * chance.choice((1, 1, 2))
    steady = {"budget": "1s", "jobs": "1", "trials": "3", "only": "scalesim", **GOOD}.get(param.name)
    typed = [option, steady if steady is not None and chance.random() < 0.8 else _odd_value(param, chance)]
    return typed * chance.choice((1, 1, 1, 2))


def _odd_value(param: click.Parameter, chance: random.Random) -> str:
    if isinstance(param.type, click.Path):
        return chance.choice(PATHS)
    if isinstance(param.type, click.Choice):
        return chance.choice((*map(str, param.type.choices), *TYPED))
    return chance.choice((*TYPED, *SENTENCES, _word(chance)))


def _damaged(text: str, file: str, chance: random.Random) -> bytes:
    if file.endswith(".json") and chance.random() < 0.7:
        data = json.loads(text)
        for _ in range(chance.choice((1, 1, 2))):
            data = by_structure(data, chance)
        return json.dumps(data, default=str).encode()
    text = by_text(text, chance)
    if chance.random() < 0.3:
        odd = (0, -1, "nan", 10**30, "x")
        text = re.sub(r"\d+", lambda _: str(chance.choice(odd)), text, count=chance.choice((1, 3)))
    return text.encode("utf-8", errors="surrogatepass")


# ---------------------------------------------------------------------------------------------------------------
# What must come out


class TooLongError(BaseException):
    """A command took longer than it may."""


@contextmanager
def _time_limit() -> Iterator[None]:
    def end(_signal: int, _frame: object) -> None:
        raise TooLongError

    limits = ((signal.ITIMER_PROF, signal.SIGPROF, CPU_S), (signal.ITIMER_REAL, signal.SIGALRM, WALL_S))
    before = [signal.signal(number, end) for _, number, _ in limits]
    for timer, _, seconds in limits:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(limits, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def make_runs(folder: Path) -> None:
    """Make one run of each kind, to be damaged."""
    from costmodel.cli import app

    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    (folder / "mapping.yaml").write_text(NEST, encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for command in (
            ("map", "two_level", "small.yaml", "-q", "-j", "1", "--out", "map", "--objective", "energy,latency"),
            ("evaluate", "two_level", "small.yaml", "--mapping", "mapping.yaml", "--out", "evaluate"),
            ("sweep", "study.yaml", "-q", "-j", "1", "--out", "sweep"),
        ):
            result = CliRunner().invoke(app, command)
            if result.exit_code != 0:
                raise AssertionError(result.output)
    finally:
        os.chdir(before)
    for page in folder.glob("*/report.html"):
        page.unlink()


def faults_of(case: Case, runs: Path, folder: Path) -> list[str]:
    """Run a case in an empty folder; what is wrong with what came out."""
    from costmodel.cli import app, frame

    for name, content in case.files.items():
        (folder / name).write_bytes(content)
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    if case.damage is not None:
        shutil.copytree(runs, folder / "runs")
        kind, file, content = case.damage
        (folder / "runs" / kind / file).write_bytes(content)
    problems: list[Any] = []
    real = frame.say_problems

    def heard(said: Any) -> None:
        problems.extend(said)
        real(said)

    before, began = Path.cwd(), time.process_time()
    os.chdir(folder)
    frame.say_problems = heard
    try:
        with _time_limit():
            result = CliRunner().invoke(app, case.command)
    except TooLongError:
        return [f"took more than {CPU_S} CPU-s or {WALL_S} s"]
    finally:
        frame.say_problems = real
        os.chdir(before)
    faults = []
    if "TooLongError" in result.stderr:
        return [f"took {time.process_time() - began:.1f} CPU-s"]
    if result.exit_code not in CODES:
        faults.append(f"exit code {result.exit_code}")
    if "internal error" in result.stderr:
        faults.append(next(line for line in result.stderr.splitlines() if "internal error" in line)[:300])
    elif result.exit_code == 2 and not result.stderr.startswith(("Usage:", "Error:")):
        faults.append(f"exit code 2 without a usage: {result.stderr[:300]!r}")
    if result.exit_code in {1, 3} and not result.stderr.strip():
        faults.append(f"exit code {result.exit_code} without a word")
    faults += [f"no place: {str(p)[:300]!r}" for p in problems if not _placed(p, case)]
    return faults


def _placed(problem: Any, case: Case) -> bool:
    """Whether a problem has a file or a path, or names the argument of the command that it is about."""
    words = [
        shown
        for word in case.command
        for shown in (word, repr(word), repr(word)[1:-1], " ".join(word.split()))
        if shown
    ]
    return bool(problem.file or problem.path) or any(word in problem.message for word in words)


def run_seeds(seeds: range, runs: Path, *, typed: bool = False) -> dict[int, list[str]]:
    """The faults of seeds, by seed: of changed files, or of command lines."""
    found = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            case = command_line_of(seed) if typed else case_of(seed, runs)
            if faults := faults_of(case, runs, Path(folder)):
                found[seed] = faults
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        make_runs(Path(made))
        as_typed = sys.argv[3:] == ["typed"]
        for number in range(int(sys.argv[1]), int(sys.argv[2])):
            shown = (command_line_of(number) if as_typed else case_of(number, Path(made))).command[:16]
            start = time.process_time()
            for faults in run_seeds(range(number, number + 1), Path(made), typed=as_typed).values():
                print(number, shown, *faults, sep="\n   ", flush=True)
            if (spent := time.process_time() - start) > BUDGET_S + 2:
                print(number, f"{spent:.1f} CPU-s", shown, flush=True)
