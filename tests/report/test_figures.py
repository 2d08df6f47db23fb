import dataclasses
import json

import pandas as pd
import pytest
from report import samples
from strategies import workload_of

from costmodel.report import chart, chart_svg, figures, human, roofs, tables
from costmodel.report.descent import descents
from costmodel.report.figures.colours import ACCENT, group_colours
from costmodel.report.figures.parts import label
from costmodel.spec.hardware import ComputeUnit


@pytest.fixture(scope="module")
def gemm():
    return samples.gemm_run()


@pytest.fixture(scope="module")
def network():
    return samples.network_run(points=5)


def test_tables_of_a_network_speak_of_roles(network):
    assert set(tables.energy(network)["group"]) == {"input", "weight", "output", "compute"}


def test_each_tensor_of_a_short_cascade_has_a_colour_of_its_own():
    text = ["Q[m] = X[m, k] * W[k]", "R[m] = Q[m] * V[m]", "Z[m, n] = R[m] * Y[n]"]
    roles = tables.group_roles(workload_of(*text, m=4, k=2, n=3))
    assert roles["Q"] == roles["R"] == "intermediate"
    assert (roles["X"], roles["Z"]) == ("input", "output")
    colours = group_colours(list(roles), roles)
    assert len(set(colours.values())) == len(colours) == 7
    some = ["Z", "R", "compute"]
    assert group_colours(some, roles).items() <= (colours | {"compute": "#8a93a3"}).items()


def test_tables_of_one_einsum_speak_of_tensors(gemm):
    assert set(tables.energy(gemm)["group"]) == {"A", "B", "Z", "compute"}


def test_sums_of_every_table_are_the_total(network):
    total = network.evaluation.energy_pj
    for table in (tables.energy, tables.energy_by_level, tables.energy_by_einsum, tables.einsums):
        assert table(network)["energy_pj"].sum() == pytest.approx(total, rel=1e-12)
    assert tables.einsums(network)["latency_cycles"].sum() == pytest.approx(network.evaluation.latency_cycles)
    assert sum(tables.bottleneck_shares(network).values()) == pytest.approx(1)


def test_energy_bars_follow_the_hierarchy_and_keep_the_total(gemm):
    figure = figures.energy_by_level(tables.energy_by_level(gemm), tables.group_roles(gemm.workload)).figure()
    assert list(figure.layout.yaxis.categoryarray) == ["MAC", "spad", "PEs", "GLB", "DRAM"]
    assert [bar.name for bar in figure.data] == ["A", "B", "Z", "compute"]
    assert figure.layout.xaxis.ticksuffix == " µJ"
    assert sum(x for bar in figure.data for x in bar.x) == pytest.approx(gemm.evaluation.energy_pj * 1e-6)


def test_the_icicle_adds_up_at_every_node(network):
    order = tables.component_order(network)
    figure = figures.energy_icicle(
        tables.energy(network), tables.group_roles(network.workload), order, "network"
    ).figure()
    (icicle,) = figure.data
    value = dict(zip(icicle.ids, icicle.values, strict=True))
    assert len(value) == len(icicle.ids)
    for parent in set(icicle.parents) - {""}:
        below = sum(v for v, p in zip(icicle.values, icicle.parents, strict=True) if p == parent)
        assert below == pytest.approx(value[parent], rel=1e-9)
    assert value["[]"] == pytest.approx(network.evaluation.energy_pj * 1e-12)


def test_layers_stand_in_the_order_of_the_network(network):
    order, e = tables.component_order(network), network.evaluation
    energy = figures.energy_by_einsum(tables.energy_by_einsum(network), order, e.counts).figure()
    latency = figures.latency_by_einsum(tables.einsums(network), order, e.clock_hz).figure()
    for figure in (energy, latency):
        assert list(figure.layout.yaxis.categoryarray) == list(e.points)
        assert figure.layout.yaxis.autorange == "reversed"
        assert figure.layout.height >= 14 * len(e.points)
    assert sorted(y for bar in latency.data for y in bar.y) == sorted(e.points)


def test_only_the_bottleneck_is_marked(gemm):
    figure = figures.latency_by_component(tables.busy(gemm), gemm.evaluation.clock_hz).figure()
    decides, busy = figure.data
    assert decides.marker.color == ACCENT
    assert [y for y, x in zip(decides.y, decides.x, strict=True) if x] == [gemm.evaluation.bottlenecks["Z"]]
    assert sum(decides.x) == pytest.approx(gemm.evaluation.latency_s * 1e3)
    assert all(x >= 0 for x in busy.x)


def test_the_time_that_components_decide_is_the_latency(network):
    table, e = tables.busy(network), network.evaluation
    assert table["deciding_cycles"].sum() == pytest.approx(e.latency_cycles)
    shares = {r.component: r.deciding_cycles / e.latency_cycles for r in table.itertuples() if r.deciding_cycles}
    assert shares == pytest.approx({k: v for k, v in tables.bottleneck_shares(network).items() if v})


def test_einsums_of_the_icicle_have_room_for_their_names():
    run = samples.large_run()
    order, roles = tables.component_order(run), tables.group_roles(run.workload)
    (icicle,) = figures.energy_icicle(tables.energy(run), roles, order, "network").figure().data
    einsums = {i: v for i, v in zip(icicle.ids, icicle.values, strict=True) if len(json.loads(i)) == 3}
    total = run.evaluation.energy_pj * 1e-12
    assert len(einsums) < 40
    assert sum(einsums.values()) == pytest.approx(total)
    assert all(v > 0.03 * total or "others" in i or "Einsums" in i for i, v in einsums.items())


def test_every_layer_has_one_component_at_full_load(network):
    figure = figures.load_by_component(tables.latency(network), list(network.evaluation.points)).figure()
    grid, dots = figure.data
    assert [max(row) for row in grid.z] == [1.0] * 21
    assert list(dots.y) == [n for c in grid.x for n in grid.y if network.evaluation.bottlenecks[n] == c]


def test_points_of_a_front_know_their_place(network):
    search = network.searches[0]
    figure = figures.front(tables.front(network, search)).figure()
    marked = [t for t in figure.data if t.customdata is not None]
    assert sorted(p for t in marked for p in t.customdata) == list(range(len(search.front)))
    (chosen,) = [t for t in marked if t.name == "chosen"]
    assert list(chosen.customdata) == [search.chosen]
    assert "DRAM[I F O]" in chosen.hovertext[0]


def test_the_best_so_far_falls_to_the_line_of_what_is_proven(network):
    found = descents(network)
    proven = next(one for one in found if one.proven)
    bounded = next(one for one in found if one.bounded and not one.proven)
    assert [round(times, 6) for _, times in bounded.steps] == [1.5465, 1.05162, 1.031]
    assert [round(times, 6) for _, times in proven.steps] == [1.5, 1.02, 1.0]
    figure = figures.descent([bounded, proven]).figure()
    (ground,) = {shape.y0 for shape in figure.layout.shapes}
    assert [trace.y[-1] for trace in figure.data] == [pytest.approx(0.031), ground]
    assert [trace.x[-1] for trace in figure.data] == [2000, 2000]
    assert all(list(trace.y) == sorted(trace.y, reverse=True) for trace in figure.data)
    assert figure.layout.annotations[0].text == "what no mapping undercuts"
    assert figures.descent([proven]).figure().layout.annotations[0].text == "the proven optimum"


def test_the_colour_of_a_front_is_the_room_used_where_it_is_an_objective():
    run = samples.room_run()
    search = run.searches[0]
    table = tables.front(run, search)
    assert [row["capacity_bits"] for row in table] == [p.capacity_bits for p in search.front]
    figure = figures.front(table).figure()
    line, *marked = figure.data
    assert len(line.x) == len(tables.energy_latency_front(pd.DataFrame(table)))
    assert [t.marker.showscale for t in marked] == [True, False]
    assert len({(t.marker.cmin, t.marker.cmax, t.marker.colorscale) for t in marked}) == 1
    for trace in marked:
        for point, colour, text in zip(trace.customdata, trace.marker.color, trace.hovertext, strict=True):
            assert 2**colour == pytest.approx(search.front[point].capacity_bits)
            assert f"room used {human.memory(search.front[point].capacity_bits)}" in text
    assert set(marked[0].marker.colorbar.ticktext) == {human.memory(p.capacity_bits) for p in search.front}


def test_room_is_shown_only_where_it_is_an_objective(network):
    for run, shown in ((network, False), (samples.room_run(), True)):
        for table in (tables.front(run, run.searches[0])[0], tables.network_front(run)[0], tables.einsums(run)):
            assert ("capacity_bits" in table) is shown
    plain = figures.front(tables.front(network, network.searches[0])).figure()
    assert not any(trace.marker.showscale for trace in plain.data)


def test_a_front_without_any_room_is_drawn():
    run = samples.room_run()
    table = [row | {"capacity_bits": 0} for row in tables.front(run, run.searches[0])]
    assert list(figures.front(table).figure().data[1].marker.colorbar.ticktext) == ["0 B"]


def test_costs_far_apart_stand_on_a_logarithmic_axis():
    table = tables.front(samples.room_run(), samples.room_run().searches[0])
    table[0]["energy_pj"] *= 100
    figure = figures.front(table).figure()
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == (None, "log")


def test_a_network_front_marks_the_chosen_combination(network):
    assert [row["chosen"] for row in tables.network_front(network)] == [False, True, False, False, False]


def test_the_sweep_draws_the_front_through_feasible_designs():
    run = samples.sweep_run()
    table = tables.sweep(run)
    front = tables.energy_latency_front(table)
    assert list(front["point"]) == sorted(front["point"], key=lambda p: table["latency_s"][p])
    assert set(front["point"]) == set(table.index[table["pareto"]])
    figure = figures.sweep_scatter(table, front, tables.sweep_axes(run), "GLB.size").figure()
    assert [t.name for t in figure.data][1:] == [f"GLB.size = {s} KiB" for s in (16, 32, 64, 128, 256)]
    points = [p for t in figure.data if t.customdata is not None for p in t.customdata]
    assert sorted(points) == list(range(20))  # the 21st is infeasible


def test_many_values_of_an_axis_get_a_scale():
    run = samples.sweep_run()
    designs = tuple(
        dataclasses.replace(run.design_points[n], axes={"GLB.bandwidth": 0.5 * n}, pareto=False) for n in range(12)
    )
    run = dataclasses.replace(run, design_points=designs)
    table = tables.sweep(run)
    figure = figures.sweep_scatter(
        table, tables.energy_latency_front(table), ["GLB.bandwidth"], "GLB.bandwidth"
    ).figure()
    assert figure.data[1].marker.showscale
    assert len(figure.data[1].x) == 12


def test_no_roof_is_crossed_and_every_einsum_has_one_full_dot(network):
    table = roofs.intensities(network)
    rates = {roof.level: roof.bits_per_cycle for roof in roofs.roofs(network)}
    assert rates == {"DRAM": 19.2, "GLB": 128.0}  # the scratchpads state no bandwidth
    allowed = table["operations_per_bit"] * table["level"].map(rates)
    assert (table["points_per_cycle"] <= allowed.clip(upper=168) * (1 + 1e-9)).all()
    assert table.groupby("einsum")["decides"].sum().tolist() == [1] * 21
    figure = figures.roofline(table, roofs.roofs(network), roofs.peaks(network)).figure()
    full = [trace for trace in figure.data if trace.mode == "markers" and trace.marker.size == 10]
    assert sum(len(trace.x) for trace in full) == 21
    assert [note.text for note in figure.layout.annotations] == [
        "MAC 168 /cycle",
        "DRAM 19.2 b/cycle",
        "GLB 128 b/cycle",
    ]


def test_names_are_printed_letter_by_letter():
    assert label("<b>A</b> & co") == "&lt;b&gt;A&lt;/b&gt; &amp; co"


@pytest.mark.parametrize("make", [samples.gemm_run, samples.network_run, samples.hostile_run])
def test_the_memory_chart_is_well_formed(make):
    from xml.etree import ElementTree as ET

    run = make()
    for name in list(run.evaluation.points)[:3]:
        drawn = chart.memory_chart(run, name, {})
        picture = ET.fromstring(chart_svg.svg(drawn))
        assert len([e for e in picture.iter() if e.get("class", "").startswith("box")]) == 5


def test_arrows_carry_exact_words(gemm):
    drawn = chart.memory_chart(gemm, "Z", {})
    assert drawn.lanes == ("A", "B", "Z")
    assert drawn.flows["DRAM", "A"].read == gemm.evaluation.words("DRAM", "A", "read")
    assert ("GLB", "B") not in drawn.flows
    assert f"{gemm.evaluation.words('GLB', 'Z', 'update'):,} words updated" in chart_svg.svg(drawn)


def test_units_that_compute_nothing_stop_no_arrow(gemm):
    outer, *inner = gemm.architecture.levels
    idle = ComputeUnit(name="VEC", energy_pj={"exp": 1.0})
    with_idle = dataclasses.replace(gemm.architecture, levels=(outer, idle, *inner))
    run = dataclasses.replace(gemm, architectures=(with_idle,))
    assert chart.memory_chart(run, "Z", {}).boxes == chart.memory_chart(gemm, "Z", {}).boxes


def test_a_run_without_counts_has_no_chart():
    assert chart.memory_chart(samples.sweep_run(), "Z", {}) is None
    with pytest.raises(ValueError, match="holds no evaluation"):
        tables.energy(samples.sweep_run())


def test_a_total_of_zero_is_drawn():
    run = samples.gemm_run()
    empty = dataclasses.replace(run.evaluation, action_rows=(), latency_rows=())
    run = dataclasses.replace(run, evaluation=empty)
    figures.energy_by_level(tables.energy_by_level(run), {}).figure()
    figures.energy_icicle(tables.energy(run), {}, tables.component_order(run), "gemm").figure()
    figures.latency_by_component(tables.busy(run), 1e9).figure()
