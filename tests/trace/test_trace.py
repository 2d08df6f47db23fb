"""Traces: what the frames add up to, what they hold, how long nests are summarised, and the tables of the lecture."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from reference import reference
from strategies import nest_of, random_case, workload_of

import costmodel as cm
from costmodel.cli import app
from costmodel.model.evaluate import evaluate
from costmodel.report.text.trace import tile_text, trace_object, trace_text
from costmodel.spec import catalog
from costmodel.spec.mapping import Mapping, Sequence
from costmodel.spec.problems import SpecError
from costmodel.trace.frames import Counter
from costmodel.trace.record import MAX_FRAMES, MAX_POINTS, trace

TWO_LEVEL = catalog.load_architecture("two_level")


def words_of_the_model(case):
    found = {}
    for row in evaluate(case.workload, case.architecture, case.mapping).traffic_rows:
        key = (row.level, row.tensor, row.flow)
        found[key] = found.get(key, 0) + row.words
    return found


def traced(nest, workload, architecture=TWO_LEVEL, **options):
    return trace(workload, architecture, Mapping(nest_of(nest)), **options)


def test_frames_add_up_to_the_counts_of_the_model():
    summarised = 0
    for seed in range(500, 545):
        case = random_case(seed)
        expected = words_of_the_model(case)
        fused = any(isinstance(node, Sequence) for node in case.mapping.nest)
        for frames in (2_000, 12) if not fused else (2_000,):
            found = trace(case.workload, case.architecture, case.mapping, frames=frames)
            totals = {(c.level, c.tensor, c.flow): words for c, words in found.totals().items()}
            assert {k: n for k, n in totals.items() if n} == {k: n for k, n in expected.items() if n}, seed
            assert sum(bool(frame.steps) for frame in found.frames) <= frames
            summarised += bool(found.summary)
    assert summarised > 7


def test_what_is_touched_is_held_and_what_comes_was_not_there():
    checked = 0
    for seed in range(700, 730):
        case = random_case(seed)
        found = trace(case.workload, case.architecture, case.mapping)
        sets, held = found.tiles, {}
        for frame in found.frames:
            for taken in frame.taken:
                before = held.get((taken.holder, taken.instance), frozenset())
                assert sets[taken.arriving] <= sets[taken.tile]
                assert not sets[taken.leaving] - before
                held[taken.holder, taken.instance] = sets[taken.tile]
            for access, number in zip(found.accesses.get(frame.einsum, ()), frame.touched, strict=True):
                around = [n for n, h in enumerate(found.holders) if h.tensor.name == access.tensor]
                there = frozenset().union(*(tile for (holder, _), tile in held.items() if holder in around))
                assert sets[number] <= there
                checked += 1
        assert set(held.values()) <= {frozenset()}  # the end leaves nothing behind
    assert checked > 1_000


def test_the_table_of_the_lecture():
    (case,) = (value for value in reference("lecture.yaml")["values"] if "table_q_s_q+s" in value)
    workload = workload_of("T[q, s] = I[q + s]", kinds=(("copy", 1),), q=4, s=3)
    found = traced("store I T in MainMemory\nfor q by 1\nfor s by 1\ncompute T on MAC", workload)
    steps = [step for step in trace_object(found)["steps"] if step["einsum"]]
    rows = [[step["ranges"]["q"][0], step["ranges"]["s"][0], step["touched"]["I[q + s]"][0][0]] for step in steps]
    assert rows == case["table_q_s_q+s"]
    assert [line.split()[1:4] for line in trace_text(found).splitlines()[4:16]] == [list(map(str, row)) for row in rows]


def test_a_window_that_slides_in_the_buffer_is_filled_once():
    """``O[q] = I[q + s] * F[s]``, Q 4, S 3: six words of I; with nothing held inside the window twelve."""
    workload = workload_of("O[q] = I[q + s] * F[s]", q=4, s=3)
    held = "store I F O in MainMemory\nfor q by 1\nstore I in Buffer\nfor s by 1\ncompute O on MAC"
    inside = "store I F O in MainMemory\nfor q by 1\nfor s by 1\nstore I in Buffer\ncompute O on MAC"
    found = traced(held, workload)
    fills = [
        sum(len(found.tiles[t.arriving]) for t in frame.taken if found.holders[t.holder].level == "Buffer")
        for frame in found.frames
    ]
    assert fills == [3, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0]
    assert [traced(nest, workload).totals()[Counter("Buffer", "I", "fill")] for nest in (held, inside)] == [6, 12]


GEMM = """
store A B Z in MainMemory
for m by 4
for n by 4
store A B Z in Buffer
for m by 1
for n by 1
for k by 1
compute Z on MAC
"""


def test_a_long_nest_has_a_frame_for_each_tile():
    workload = workload_of("Z[m, n] = A[m, k] * B[k, n]", m=16, n=16, k=8)
    found = traced(GEMM, workload)
    assert found.summary == "each step stands for all that runs below `store A B Z in Buffer`"
    frames = [frame for frame in found.frames if frame.steps]
    assert (len(frames), {frame.steps for frame in frames}) == (16, {128})
    assert [frame.positions[:2] for frame in frames[:5]] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    assert {frame.positions[2:] for frame in frames} == {(-1, -1, -1)}
    assert [tile_text(found.tiles[n]) for n in frames[1].touched] == ["0..3,0..7", "0..7,4..7", "0..3,4..7"]
    assert "16 steps; each step stands for" in trace_text(found)


def test_what_is_too_long_to_trace_is_refused_with_the_way_out():
    with pytest.raises(SpecError, match=r"Z: 262,144 points are too many to trace, at most 60,000 .*--set ranks.M=8"):
        trace(*(catalog.load_pair("two_level", "mm64")[::-1]), catalog.load_mappings("two_level_output_stationary")[0])


def test_the_command_prints_a_table_or_an_object(tmp_path):
    (tmp_path / "nest.yaml").write_text(
        "nest: [store I F O in MainMemory, for p by 1, store O in Buffer, for r by 1, compute O on MAC]"
    )
    arguments = ["trace", "two_level", "conv1d", "--set", "ranks.P=4", "--mapping", str(tmp_path / "nest.yaml")]
    text = CliRunner().invoke(app, arguments).stdout
    assert "step  p  r  I[p + r]  F[r]  O[p]  Buffer.O  moves" in text
    (found,) = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["traces"]
    assert len(found["steps"]) == 13
    assert found["steps"][4]["loops"] == [
        {"rank_variable": "p", "position": 1, "steps": 4},
        {"rank_variable": "r", "position": 1, "steps": 3},
    ]
    assert {"level": "MainMemory", "tensor": "O", "flow": "update", "words": 4} in found["words"]


def test_the_object_has_the_values_of_every_step(tmp_path):
    """Those of the page: given ones, and after each step the words that it changed."""
    np.save(tmp_path / "f.npy", [1, 10, 100])
    arguments = ["trace", "two_level", "conv1d", "--set", "ranks.P=4", "--mapping", "conv1d_simple", "--json"]
    asked = [*arguments, "--values", f"F={tmp_path / 'f.npy'}", "--seed", "3"]
    (found,) = json.loads(CliRunner().invoke(app, asked).stdout)["traces"]
    assert found["values"]["F"]["values"] == [1, 10, 100]
    window = found["values"]["I"]["values"]
    changed = [step["values"] for step in found["steps"]]
    assert changed[:2] == [[{"word": [0], "value": window[0]}], [{"word": [0], "value": window[0] + 10 * window[1]}]]
    assert changed[11] == [{"word": [3], "value": window[3] + 10 * window[4] + 100 * window[5]}]
    assert changed[12] == []  # the end drains, and computes nothing
    result = CliRunner().invoke(app, [*arguments[:-1], "--seed", "3"])
    assert (result.exit_code, "--report FILE.html or --json" in result.stderr) == (2, True)


def test_values_that_are_no_numbers_are_texts():
    content = {"name": "w", "ranks": {"M": 2}, "values": {"A": [1000.0, 1.0]}, "einsums": ["Z[m] = exp(A[m])"]}
    nest = ["store A Z in MainMemory", "for m by 1", "compute Z on MAC"]
    found = cm.trace("two_level", content, mapping={"nest": nest}).to_dict()
    assert found["steps"][0]["values"] == [{"word": [0], "value": "inf"}]


def test_a_mapping_is_asked_for():
    result = CliRunner().invoke(app, ["trace", "two_level", "conv1d"])
    assert result.exit_code == 2
    assert "Missing option '--mapping'." in result.stderr


def test_the_page_of_the_docs_shows_what_the_command_prints():
    text = (Path(__file__).resolve().parents[2] / "docs" / "trace.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```\n\$ costmodel (.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert CliRunner().invoke(app, shown[0].split()).stdout == shown[1]
    assert f"{MAX_POINTS:,} points" in text
    assert f"{MAX_FRAMES:,}" in text


def test_points_in_the_padding_are_steps_at_which_nothing_is_touched():
    workload = catalog.load_workload(
        {"name": "w", "ranks": {"H": 3, "P": 3, "R": 3}, "pad": "zero", "einsums": ["O[p] = I[H=p + r - 1] * F[r]"]}
    )
    found = traced("store I F O in MainMemory\nfor p by 1\nfor r by 1\ncompute O on MAC", workload)
    steps = [frame for frame in found.frames if frame.steps]
    assert [n for n, frame in enumerate(steps) if not frame.active] == [0, 8]
    assert [tile_text(found.tiles[frame.touched[0]]) for frame in steps] == ["", "0", "1", "0", "1", "2", "1", "2", ""]


TWO_NESTS = """\
mappings:
- {einsum: T, nest: [store I T in MainMemory, for q by 1, for s by 1, compute T on MAC]}
- {einsum: O, nest: [store T F O in MainMemory, for q by 1, for s by 1, compute O on MAC]}
"""
TOEPLITZ = (
    "name: t\nranks: {Q: 4, S: 3}\nvalues: {F: [1, 2, 3]}\neinsums: ['T[q, s] = I[q + s]', 'O[q] = T[q, s] * F[s]']\n"
)


def test_the_page_shows_the_nests_that_are_chosen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TOEPLITZ)
    Path("nests.yaml").write_text(TWO_NESTS)
    Path("again.yaml").write_text(TWO_NESTS)

    def page(*arguments, code=0):
        asked = ["trace", "two_level", "t.yaml", "--report", "page.html", *arguments]
        result = CliRunner().invoke(app, asked)
        assert result.exit_code == code, result.output
        return re.findall("<h2>(.*?)</h2>", Path("page.html").read_text()) if not code else [], result.stderr

    assert page("--mapping", "nests.yaml")[0] == ["nests: T", "nests: O"]
    assert page("--mapping", "nests.yaml", "--einsum", "O")[0] == ["nests"]
    names, said = page("--mapping", "nests.yaml", "--mapping", "again.yaml")
    assert names == ["nests", "again"]
    assert "--einsum NAME shows another: O" in said
    names, said = page("--mapping", "nests.yaml", "--mapping", "again.yaml", "--einsum", "O")
    assert (names, "--einsum" in said) == (["nests", "again"], False)
    text = Path("page.html").read_text()
    assert "F values of the workload" in text
    assert 'id="values" checked' in text
    Path("f.npy").write_bytes(b"no array")
    assert "cannot be read as .npy" in page("--mapping", "nests.yaml", "--values", "F=f.npy", code=1)[1]
    alone = CliRunner().invoke(app, ["trace", "two_level", "t.yaml", "--mapping", "nests.yaml", "--seed", "1"])
    assert (alone.exit_code, "--report FILE.html or --json" in alone.stderr) == (2, True)
