import pytest

from costmodel.api import CurveResult, SpecError, curve

CHAIN = {
    "name": "chain",
    "ranks": {"M": 16, "K": 8, "N": 8, "P": 8},
    "einsums": ["Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]"],
}


def test_a_curve_has_the_table_the_figure_and_the_page(tmp_path):
    found = curve("two_level", CHAIN, "Buffer", fuse="auto")
    assert isinstance(found, CurveResult)
    assert found.proven
    fused = found.table.query("curve == 'whole workload, fused'")
    assert fused["traffic_words"].tolist() == [p.traffic_words for p in found.whole.fused.points]
    assert fused["fused"].iloc[-1] == "Y + Z"
    assert set(found.table["curve"]) == {"whole workload, unfused", "whole workload, fused", "Y", "Z"}
    assert found.figure().layout.showlegend
    assert "whole workload, fused" in found.page(tmp_path / "page.html").read_text(encoding="utf-8")
    assert repr(found).endswith("fused: Buffer has 1 KiB: 384 words, 1 × compulsory")


def test_one_einsum_has_no_whole():
    found = curve("two_level", "mm64", "Buffer", set={"Buffer.size": 600}, budget="20 s")
    assert found.whole is None
    assert str(found).endswith("Buffer has 600 B: 28,672 words, 2.33 × compulsory")


def test_what_is_wrong_is_said():
    with pytest.raises(SpecError, match="did you mean 'Buffer'"):
        curve("two_level", CHAIN, "Bufer")
    with pytest.raises(ValueError, match="fuse is 'off' or 'auto', not 'all'"):
        curve("two_level", CHAIN, "Buffer", fuse="all")
