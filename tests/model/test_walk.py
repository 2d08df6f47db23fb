"""The walk does what docs/counting.md says: small nests whose counts are worked out by hand."""

from dataclasses import replace

import pytest
from reference import case_files, reference
from strategies import nest_of, random_case, workload_of

from costmodel.einsum.algebra import Role
from costmodel.model.walk import walk
from costmodel.model.walk.words import bounding_box
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest

GEMM = "Z[m, n] = A[m, k] * B[k, n]"
CONV = "O[p] = I[p + r] * F[r]"


def hierarchy(*levels):
    return Architecture(name="a", levels=(Memory(name="DRAM"), *levels, ComputeUnit(name="MAC")))


def run(workload, levels, nest):
    return walk(workload, hierarchy(*levels), Mapping(nest_of(nest)))


def words(result, level, tensor):
    """(fill, read, update, drain) of a tensor at a level, over all Einsums."""
    flows = ("fill", "read", "update", "drain")
    rows = [r for r in result.traffic_rows if (r.level, r.tensor) == (level, tensor)]
    return tuple(sum(r.words for r in rows if r.flow == flow) for flow in flows)


def hops(result, array):
    return {r.tensor: r.words for r in result.hop_rows if r.array == array}


# Time


def test_a_tile_that_does_not_move_is_free_even_if_a_loop_stands_above_it():
    result = run(
        workload_of(GEMM, m=4, n=3, k=2),
        [Memory(name="GLB")],
        """
        store A B Z in DRAM
        for m by 2
        for n by 1
        store A in GLB
        for m by 1
        for k by 1
        compute Z on MAC
        """,
    )
    assert words(result, "GLB", "A") == (4 * 2, 4 * 3 * 2, 0, 0)  # all of A once, though n stands between
    assert words(result, "DRAM", "A") == (0, 8, 0, 0)
    assert words(result, "DRAM", "B") == (0, 24, 0, 0)  # bypasses: once for each operation


def test_a_tile_that_returns_is_filled_again():
    result = run(
        workload_of(GEMM, m=4, n=3, k=2),
        [Memory(name="GLB")],
        """
        store A B Z in DRAM
        for n by 1
        for m by 2
        store A in GLB
        for m by 1
        for k by 1
        compute Z on MAC
        """,
    )
    assert words(result, "GLB", "A")[0] == 3 * 8  # for each n both halves


def test_residual_tiles_count_what_is_there():
    result = run(
        workload_of(GEMM, m=5, n=3, k=1),
        [Memory(name="GLB")],
        """
        store A B Z in DRAM
        for m by 2
        for n by 2
        store Z in GLB
        for k by 1
        for n by 1
        for m by 1
        compute Z on MAC
        """,
    )
    assert words(result, "GLB", "Z") == (0, 0, 15, 15)  # tiles of 4 2 4 2 2 1, each touched once
    assert [(r.tensor, r.words) for r in result.occupancy_rows if r.level == "GLB"] == [("Z", 4)]


@pytest.mark.parametrize(("halo", "fills"), [("reuse", 3 + 1 + 1 + 1), ("refetch", 4 * 3)])
def test_a_sliding_window_fills_its_new_words(halo, fills):
    result = run(
        workload_of(CONV, p=4, r=3),
        [Memory(name="GLB", halo=halo)],
        """
        store I F O in DRAM
        for p by 1
        store I in GLB
        for r by 1
        compute O on MAC
        """,
    )
    assert words(result, "GLB", "I") == (fills, 12, 0, 0)


@pytest.mark.parametrize(("holes", "held"), [("skip", 4), ("fetch", 7)])
def test_a_stride_leaves_holes_unless_the_level_moves_boxes(holes, held):
    result = run(
        workload_of("O[p] = I[2*p]", p=8),
        [Memory(name="GLB", holes=holes)],
        """
        store I O in DRAM
        for p by 4
        store I in GLB
        for p by 1
        compute O on MAC
        """,
    )
    assert words(result, "GLB", "I") == (2 * held, 8, 0, 0)
    assert words(result, "DRAM", "I")[1] == 2 * held
    assert result.occupancy_rows[-1].words == held


def test_a_window_that_wraps_around_keeps_what_is_still_there():
    result = run(
        workload_of("O[p] = I[p + r]", p=2, r=3),
        [Memory(name="GLB")],
        """
        store I O in DRAM
        for p by 1
        for r by 1
        store I in GLB
        compute O on MAC
        """,
    )
    assert words(result, "GLB", "I")[0] == 6  # 0 1 2 | 1 2 3: every step another word


# Outputs


def test_partial_sums_spill_and_return_but_the_first_touch_is_never_read():
    result = run(
        workload_of(GEMM, m=2, n=2, k=3),
        [Memory(name="GLB")],
        """
        store A B Z in DRAM
        for k by 1
        for m by 1
        store Z in GLB
        for n by 1
        compute Z on MAC
        """,
    )
    # 3 rounds of 2 tiles of 2 words; in the first round nothing comes back
    assert words(result, "GLB", "Z") == (2 * 4, 12 - 4, 12, 3 * 4)
    assert words(result, "DRAM", "Z") == (0, 8, 12, 0)


def test_the_last_tile_stays_until_the_end_and_then_drains():
    result = run(
        workload_of(GEMM, m=2, n=1, k=2),
        [Memory(name="GLB")],
        """
        store A B Z in DRAM
        for k by 1
        store Z in GLB
        for m by 1
        compute Z on MAC
        """,
    )
    assert words(result, "GLB", "Z") == (0, 2, 4, 2)


def test_refetching_drains_and_returns_the_whole_tile_of_a_sliding_output():
    nest = """
    store X Z in DRAM
    for p by 1
    store Z in GLB
    for r by 1
    compute Z on MAC
    """
    workload = workload_of("Z[p + r] = X[p, r]", p=3, r=2)
    assert words(run(workload, [Memory(name="GLB")], nest), "GLB", "Z") == (0, 6 - 4, 6, 4)
    assert words(run(workload, [Memory(name="GLB", halo="refetch")], nest), "GLB", "Z") == (2, 6 - 4, 6, 6)


def test_the_port_of_a_level_sees_drains_only_where_they_are_charged():
    nest = """
    store A B Z in DRAM
    store Z in GLB
    for k by 1
    for m by 1
    for n by 1
    compute Z on MAC
    """
    for drain, read in (("charged", 4), ("free", 0)):
        result = run(workload_of(GEMM, m=2, n=2, k=1, bits={"Z": 16}), [Memory(name="GLB", drain=drain)], nest)
        (port,) = [p for p in result.port_rows if p.level == "GLB"]
        assert (port.read_bits, port.write_bits, port.both_bits) == (16 * read, 16 * 4, 16 * (4 + read))


# Space


@pytest.mark.parametrize(
    ("multicast", "reads"),
    [("words", 6), ("tiles", 4 * 3), ("none", 4 * 3)],
)
def test_a_window_across_an_array_is_shared_by_words_only(multicast, reads):
    result = run(
        workload_of(CONV, p=4, r=3),
        [Array(name="PEs", shape={"X": 4}, multicast=multicast), Memory(name="RF")],
        """
        store I F O in DRAM
        parallel p by 1 across PEs.X
        store I F in RF
        for r by 1
        compute O on MAC
        """,
    )
    assert words(result, "RF", "I") == (4 * 3, 12, 0, 0)
    assert words(result, "DRAM", "I") == (0, reads, 0, 0)
    assert words(result, "DRAM", "F")[1] == (12 if multicast == "none" else 3)
    assert hops(result, "PEs") == {"I": 12, "F": 12, "O": 12}


@pytest.mark.parametrize(
    ("outer", "inner", "reads", "outer_hops"),
    [
        ("words", "words", 1, 2),
        ("none", "words", 2, 2),
        ("words", "none", 1, 6),
        ("tiles", "none", 3, 6),
        ("none", "none", 6, 6),
    ],
)
def test_nested_arrays_merge_from_the_inside_out(outer, inner, reads, outer_hops):
    result = run(
        workload_of("Z[m, n] = A[k]", m=2, n=3, k=1),
        [Array(name="Out", shape={"X": 2}, multicast=outer), Array(name="In", shape={"X": 3}, multicast=inner)],
        """
        store A Z in DRAM
        parallel m by 1 across Out.X
        parallel n by 1 across In.X
        for k by 1
        compute Z on MAC
        """,
    )
    assert words(result, "DRAM", "A")[1] == reads
    assert hops(result, "Out")["A"] == outer_hops
    assert hops(result, "In")["A"] == 6


def test_an_array_between_two_levels_has_one_child_where_no_loop_spreads_across_it():
    result = run(
        workload_of("Z[m] = A[m]", m=3),
        [Array(name="PEs", shape={"X": 4})],
        """
        store A Z in DRAM
        for m by 1
        compute Z on MAC
        """,
    )
    assert hops(result, "PEs") == {"A": 3, "Z": 3}


@pytest.mark.parametrize(("reduce", "updates"), [(True, 2), (False, 8)])
def test_updates_of_one_word_that_arrive_together_become_one(reduce, updates):
    result = run(
        workload_of("Z[m] = A[m, k]", m=2, k=4),
        [Array(name="PEs", shape={"X": 4}, reduce=reduce)],
        """
        store A Z in DRAM
        parallel k by 1 across PEs.X
        for m by 1
        compute Z on MAC
        """,
    )
    assert words(result, "DRAM", "Z") == (0, updates - 2, updates, 0)
    assert hops(result, "PEs")["Z"] == 8


def test_drains_of_an_array_are_reduced_and_counted_in_every_child():
    result = run(
        workload_of("Z[m] = A[m, k]", m=2, k=4),
        [Array(name="PEs", shape={"X": 4}), Memory(name="RF")],
        """
        store A Z in DRAM
        parallel k by 1 across PEs.X
        for m by 1
        store Z in RF
        compute Z on MAC
        """,
    )
    assert words(result, "RF", "Z") == (0, 0, 8, 8)
    assert words(result, "DRAM", "Z") == (0, 0, 2, 0)  # one update for four drains


def test_an_idle_instance_keeps_what_it_holds():
    result = run(
        workload_of("Z[n, m] = A[m]", m=3, n=2),
        [Array(name="PEs", shape={"X": 2}), Memory(name="RF")],
        """
        store A Z in DRAM
        for n by 1
        for m by 2
        parallel m by 1 across PEs.X
        store A in RF
        compute Z on MAC
        """,
    )
    # instance 0 takes words 0 2 0 2, instance 1 takes word 1 once: it is idle in between
    assert words(result, "RF", "A") == (5, 6, 0, 0)
    assert result.compute_steps == {"Z": 4}


def test_memory_cycles_are_those_of_the_busiest_instance():
    levels = [Array(name="PEs", shape={"X": 2}), Memory(name="RF", read_bits_per_cycle=4.0)]
    result = run(
        workload_of("Z[m] = A[m]", m=5),
        levels,
        """
        store A Z in DRAM
        parallel m by 3 across PEs.X
        store A in RF
        for m by 1
        compute Z on MAC
        """,
    )
    (row,) = [r for r in result.latency_rows if r.component == "RF"]
    assert row.cycles == 3 * 8 / 4
    (port,) = [p for p in result.port_rows if p.level == "RF"]
    assert (port.read_bits, port.write_bits, port.both_bits) == (24, 24, 48)


# Systolic arrays, against the formulas for R × C arrays that SCALE-Sim v3 agrees with


def systolic(dataflow, m, n, k, rows, columns):
    down, across, stream = {"output": "mnk", "weight": "knm", "input": "kmn"}[dataflow]
    extents = {"m": m, "n": n, "k": k}
    nest = f"""
    store A B Z in DRAM
    for {down} by {min(rows, extents[down])}
    for {across} by {min(columns, extents[across])}
    parallel {down} by 1 across PEs.R
    parallel {across} by 1 across PEs.C
    for {stream} by 1
    compute Z on MAC
    """
    array = Array(name="PEs", shape={"R": rows, "C": columns}, systolic=dataflow)
    result = run(workload_of(GEMM, m=m, n=n, k=k, roles={"B": Role.WEIGHT}), [array], nest)
    return next(r.cycles for r in result.latency_rows if r.component == "MAC")


@pytest.mark.parametrize(("m", "n", "k"), [(4, 4, 4), (5, 7, 3), (1, 9, 2), (8, 3, 9)])
def test_a_systolic_array_pays_skew_and_load_for_every_pass(m, n, k):
    rows, columns = 4, 3

    def ceil(a, b):
        return -(-a // b)

    skew = rows + columns - 2
    assert systolic("output", m, n, k, rows, columns) == (skew + k) * ceil(m, rows) * ceil(n, columns)
    assert systolic("weight", m, n, k, rows, columns) == (skew + rows + m) * ceil(k, rows) * ceil(n, columns)
    assert systolic("input", m, n, k, rows, columns) == (skew + rows + n) * ceil(k, rows) * ceil(m, columns)


# Cascades

FUSED = workload_of("T[p, m] = A[p, m]", "U[p] = T[p, m]", p=4, m=3)


def test_an_intermediate_held_above_the_sequence_goes_no_further():
    result = run(
        FUSED,
        [Memory(name="GLB")],
        """
        store A U in DRAM
        for p by 2
        store T in GLB
        sequence:
          branch:
            for p by 1
            for m by 1
            compute T on MAC
          branch:
            for p by 1
            for m by 1
            compute U on MAC
        """,
    )
    assert words(result, "GLB", "T") == (0, 12, 12, 0)
    assert words(result, "DRAM", "T") == (0, 0, 0, 0)
    assert [(r.level, r.words) for r in result.occupancy_rows if r.tensor == "T"] == [("GLB", 6)]


def test_a_storage_node_in_a_branch_lives_for_one_execution_of_it():
    result = run(
        FUSED,
        [Memory(name="GLB"), Memory(name="RF")],
        """
        store A U in DRAM
        store T in GLB
        for p by 2
        sequence:
          branch:
            store T in RF
            for p by 1
            for m by 1
            compute T on MAC
          branch:
            store U in RF
            for m by 1
            for p by 1
            compute U on MAC
        """,
    )
    assert words(result, "RF", "T") == (0, 0, 12, 12)
    assert words(result, "GLB", "T") == (0, 12, 12, 0)
    assert words(result, "RF", "U") == (0, 12 - 4, 12, 4)


def test_what_a_branch_held_is_fetched_again_though_the_tile_is_the_same():
    workload = workload_of("T[p] = A[k]", "U[p] = T[p]", p=3, k=2)
    result = run(
        workload,
        [Memory(name="RF")],
        """
        store A T U in DRAM
        for p by 1
        sequence:
          branch:
            store A in RF
            for k by 1
            compute T on MAC
          branch:
            compute U on MAC
        """,
    )
    assert words(result, "RF", "A") == (3 * 2, 6, 0, 0)


def test_first_touch_is_remembered_over_all_executions_of_a_branch():
    workload = workload_of("T[p] = A[p]", "U[m] = T[p] * B[m]", p=3, m=2)
    result = run(
        workload,
        [Memory(name="RF")],
        """
        store A T B U in DRAM
        for p by 1
        sequence:
          branch:
            compute T on MAC
          branch:
            store U in RF
            for m by 1
            compute U on MAC
        """,
    )
    assert words(result, "RF", "U") == (2 * 2, 6 - 2, 6, 3 * 2)


def test_branches_share_room_and_nodes_on_a_path_add_up():
    result = run(
        FUSED,
        [Memory(name="GLB")],
        """
        store A T U in DRAM
        for p by 2
        store T in GLB
        sequence:
          branch:
            store A in GLB
            for p by 1
            for m by 1
            compute T on MAC
          branch:
            store U in GLB
            for p by 1
            for m by 1
            compute U on MAC
        """,
    )
    assert result.level_bits["GLB"] == 8 * (6 + max(6, 2))


def test_traffic_belongs_to_the_einsum_below_the_boundary_and_to_the_producer_where_there_are_several():
    result = run(
        FUSED,
        [Memory(name="GLB")],
        """
        store A T U in DRAM
        for p by 2
        store T in GLB
        sequence:
          branch:
            for p by 1
            for m by 1
            compute T on MAC
          branch:
            for p by 1
            for m by 1
            compute U on MAC
        """,
    )
    of_t = {(r.einsum, r.level, r.flow): r.words for r in result.traffic_rows if r.tensor == "T" and r.words}
    assert of_t == {
        ("T", "GLB", "update"): 12,
        ("T", "GLB", "drain"): 12,
        ("T", "DRAM", "update"): 12,
        ("U", "GLB", "read"): 12,
    }


# Accesses and operations


def test_every_access_to_a_tensor_is_asked_for_and_one_tile_serves_them_all():
    result = run(
        workload_of("Z[m] = A[m] * A[m + 1]", m=4),
        [Memory(name="GLB")],
        """
        store A Z in DRAM
        for m by 2
        store A in GLB
        for m by 1
        compute Z on MAC
        """,
    )
    assert words(result, "GLB", "A") == (3 + 2, 2 * 4, 0, 0)


def test_an_iterative_rank_reads_what_it_wrote():
    result = run(
        workload_of("R[m + 1, p] = R[m, p] * L[m, p]", m=3, p=2),
        [Memory(name="RF")],
        """
        store R L in DRAM
        for p by 1
        for m by 1
        store R in RF
        compute R on MAC
        """,
    )
    # tiles {m, m+1}: nothing ever comes back; each step drains one word, the last tile of each p two
    assert words(result, "RF", "R") == (0, 6, 6, 2 * (3 + 1))


def test_operations_are_counted_by_kind_and_rated_by_kind():
    architecture = hierarchy()
    unit = ComputeUnit(name="MAC", throughput_per_cycle={"default": 1.0, "exp": 0.25})
    workload = workload_of("Z[m] = A[m]", m=5, kinds=(("exp", 1), ("add", 2)))
    nest = nest_of("store A Z in DRAM\nfor m by 1\ncompute Z on MAC")
    result = walk(workload, replace(architecture, levels=(*architecture.levels[:-1], unit)), Mapping(nest))
    assert {r.kind: r.count for r in result.operation_rows} == {"exp": 5, "add": 10}
    assert result.latency_rows[0].cycles == 5 / 0.25 + 10


def test_bounding_box_of_two_ranks():
    assert bounding_box({(0, 5), (1, 3)}) == {(a, b) for a in (0, 1) for b in (3, 4, 5)}


@pytest.mark.parametrize(
    ("nest", "message"),
    [
        ("store A Z in DRAM\nfor m by 2\ncompute Z on MAC", "m is left with 2 positions"),
        ("store A in DRAM\nfor m by 1\ncompute Z on MAC", "Z is stored nowhere"),
    ],
)
def test_what_cannot_be_executed_is_an_error(nest, message):
    with pytest.raises(ValueError, match=message):
        run(workload_of("Z[m] = A[m]", m=4), [], nest)


def test_the_same_nest_counts_the_same_twice():
    case = random_case(7)
    assert walk(case.workload, case.architecture, case.mapping) == walk(case.workload, case.architecture, case.mapping)


@pytest.mark.long
@pytest.mark.parametrize("name", ["mm64_two_level_psum", "mm64_pe2d_spatial_mn", "conv3x3_two_level_halo"])
def test_the_walk_of_published_cases(name, tmp_path):
    cases = reference("cases.yaml")
    case = next(c for c in cases["evaluations"] if c["name"] == name)
    paths = case_files(tmp_path, cases)
    result = walk(
        load_workload(paths[case["workload"]]),
        load_architecture(paths[case["arch"]]),
        Mapping(parse_nest(case["nest"])),
    )
    for level, tensors in case["words"].items():
        for tensor, expected in tensors.items() if level != "MAC" else ():
            fill, read, update, drain = words(result, level, tensor)
            assert {"read": read + drain, "write": fill + update} == expected, (level, tensor)
    assert max(r.cycles for r in result.latency_rows) == case["latency"]
