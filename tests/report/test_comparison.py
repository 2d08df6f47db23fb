"""Two runs side by side: what differs in what was asked, and the costs of what both computed."""

import dataclasses

import pytest
from click.testing import CliRunner
from report import samples

from costmodel.cli import app
from costmodel.report.comparison import compare
from costmodel.report.descent import descents
from costmodel.report.page.comparison import render_comparison
from costmodel.report.page.descent import by_objective
from costmodel.report.run import InputFile
from costmodel.report.text.comparison import compare_text


def settled(run, **settings):
    return dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, settings=settings))


def test_equal_runs_differ_in_nothing_and_change_by_nothing():
    run = samples.network_run(points=5)
    found = compare(run, run)
    assert (found.differences, found.whole) == ((), True)
    assert {row.change for row in found.rows} <= {0.0, None}
    totals = {row.name: row.first for row in found.rows if row.of == "total"}
    assert totals["energy"] == pytest.approx(run.evaluation.energy_pj, rel=1e-12)
    assert totals["latency"] == pytest.approx(run.evaluation.latency_s, rel=1e-12)
    for of, total in (("component", "energy"), ("einsum", "energy")):
        parts = [row.first for row in found.rows if row.of == of and row.name.startswith(total)]
        assert sum(parts) == pytest.approx(run.evaluation.energy_pj, rel=1e-12)


def test_what_was_asked_of_one_alone_is_said():
    first = samples.gemm_run()
    more = InputFile(role="arch", name="other.yaml", origin="x", text="")
    second = dataclasses.replace(settled(first, set="GLB.size=8KiB", method="tpe"), inputs=(*first.inputs, more))
    first = settled(first, method="exact")
    assert compare(first, second).differences == (
        "method: exact in the first, tpe in the second",
        "--set: none in the first, GLB.size=8KiB in the second",
        "arch file other.yaml: of the second only",
    )


def test_a_file_of_one_name_with_another_text_is_said():
    run = samples.gemm_run()
    inputs = [(InputFile(role="arch", name="a.yaml", origin="x", text=text),) for text in ("a", "b")]
    first, second = (dataclasses.replace(run, inputs=given) for given in inputs)
    assert compare(first, second).differences == ("arch file a.yaml: another text in the second",)


@pytest.fixture(scope="module")
def unlike(tmp_path_factory):
    """Two runs that share one of three Einsums."""
    folder = tmp_path_factory.mktemp("runs")
    for name, einsums in (("a", ("square", "tall")), ("b", ("tall", "wide"))):
        asked = [word for einsum in einsums for word in ("--einsum", einsum)]
        changed = ["--set", "clock=500 MHz"] if name == "b" else []
        result = CliRunner().invoke(
            app, ["map", "pe2d", "gemm_family", "-q", "--out", str(folder / name), *asked, *changed]
        )
        assert result.exit_code == 0, result.output
    return folder


def test_runs_of_unlike_einsums_compare_what_both_computed(unlike):
    result = CliRunner().invoke(app, ["compare", str(unlike / "a"), str(unlike / "b")])
    lines = result.stdout.splitlines()
    assert lines[:5] == [
        "differs: Einsums in the first only: square",
        "differs: Einsums in the second only: wide",
        "differs: --set: none in the first, clock=500 MHz in the second",
        "",
        "of what both computed: tall",
    ]
    changes = {text[:12].strip(): text.split("  ")[-1].strip() for text in lines[6:]}
    assert (changes["energy"], changes["latency"], changes["EDP"]) == ("0 %", "+100 %", "+100 %")
    table = lines[6:]
    assert {len(text) for text in table if text.endswith("%")} == {len(table[0])}  # aligned


def test_the_page_of_a_comparison_is_one_page(unlike):
    page = unlike / "c.html"
    result = CliRunner().invoke(app, ["compare", str(unlike / "a"), str(unlike / "b"), "--report", str(page)])
    assert f"report: {page}" in result.stderr
    text = page.read_text()
    body = text[text.index("<body") :]
    assert body.count("<main") == 1
    assert body.index("Einsums in the first only: square") < body.index("Side by side")
    assert "+100 %" in body


def test_nothing_in_common_is_said():
    first = samples.gemm_run()
    second = samples.network_run(points=5)
    found = compare(first, second)
    assert (found.shared, found.rows, found.whole) == ((), (), False)
    assert "nothing to compare" in compare_text(found, ("a", "b"))
    assert "Of what both computed: nothing" in render_comparison([first, second], ["a", "b"])


def test_an_einsum_of_one_name_that_computes_something_else_is_said():
    first = samples.gemm_run()
    einsum = first.workload.einsums[0]
    larger = dataclasses.replace(einsum, shape=dict.fromkeys(einsum.shape, 3))
    second = dataclasses.replace(first, workloads=(dataclasses.replace(first.workload, einsums=(larger,)),))
    found = compare(first, second)
    assert found.shared == ()
    assert found.differences[0].startswith(f"Einsum {einsum.name} computes {einsum.text} (")


def test_sweeps_do_not_compare():
    with pytest.raises(ValueError, match="compare runs of evaluate or map"):
        compare(samples.sweep_run(), samples.gemm_run())


def test_the_descents_of_runs_that_sampled_are_laid_over_each_other():
    run = samples.network_run(points=5)
    (found,) = by_objective([run, run]).values()
    alone = descents(run)
    assert sorted(one.name for one in found) == sorted(f"{n}: {one.name}" for n in (1, 2) for one in alone)
    assert [one.last for one in found] == sorted((one.last for one in found), reverse=True)
    page = render_comparison([run, run], ["a", "b"])
    assert "<h3>Best so far, one over the other<" in page
    assert "compare-steps" in page
    assert "Best so far" not in render_comparison([samples.gemm_run(), samples.gemm_run()], ["a", "b"])
