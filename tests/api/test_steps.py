import pytest

import costmodel as cm
from costmodel.api import SpecError, trace
from costmodel.execute.made import Stated
from costmodel.report.page.trace import render_traces
from costmodel.trace.valued import valued


def test_a_trace_has_the_words_of_the_model():
    found = trace("two_level", "conv1d", mapping="conv1d_tiled")
    cost = cm.evaluate("two_level", "conv1d", mapping="conv1d_tiled")
    order = ["level", "tensor", "flow"]
    moved = found.moves.groupby(order)["words"].sum()
    expected = cost.traffic.set_index(order)["words"]
    assert moved.to_dict() == {key: words for key, words in expected.to_dict().items() if words}
    assert found.words.set_index(order)["words"].to_dict() == expected.to_dict()
    assert found.moves["step"].max() == 48
    assert "step   p  r  I[p + r]" in repr(found)
    assert len(found.to_dict()["steps"]) == 49


def test_two_traces_stand_on_one_page(tmp_path):
    first, second = (trace("two_level", "conv1d", mapping=f"conv1d_{name}") for name in ("simple", "tiled"))
    path = first.page(tmp_path / "both.html", beside=second)
    traces = {"first nest": first.trace, "second nest": second.trace}
    values = {name: valued(one, Stated(workload=one.workload)) for name, one in traces.items()}
    assert path.read_text() == render_traces(traces, "cm.trace", values)
    given = first.page(tmp_path / "given.html", values={"F": [1, 2, 3]}).read_text()
    assert 'id="values" checked' in given


def test_one_nest_is_traced():
    nests = [
        {"einsum": name, "nest": [f"store A B {name} in MainMemory", "for m by 1", f"compute {name} on MAC"]}
        for name in "YZ"
    ]
    workload = {"name": "w", "ranks": {"M": 3}, "einsums": ["Y[m] = A[m] * B[m]", "Z[m] = A[m] + B[m]"]}
    with pytest.raises(SpecError, match=r"2 nests, of Y; Z \(einsums= chooses one\)"):
        trace("two_level", workload, mapping={"mappings": nests})
    found = trace("two_level", workload, mapping={"mappings": nests}, einsums="Z")
    assert set(found.moves["einsum"]) == {"Z"}
    with pytest.raises(SpecError, match="too many to trace"):
        trace("two_level", "mm64", mapping="two_level_output_stationary")
