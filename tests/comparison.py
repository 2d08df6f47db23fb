"""Where the fast model and the walk differ on a case.

To see the case of a seed, made small: ``python tests/comparison.py SEED``.
"""

from __future__ import annotations

import sys

from shrinking import shrink
from strategies import random_case

from costmodel.model.evaluate import evaluate_bound
from costmodel.model.nest import bind
from costmodel.model.walk import walk
from costmodel.spec.problems import SpecError


def model_table(case):
    """Everything that the model says and the walk can confirm: key → number, without zeros.

    Of nests, too, that no hardware can do: the counts are those of the walk.
    """
    cost = evaluate_bound(bind(case.workload, case.architecture, case.mapping))
    table = {("words", r.einsum, r.level, r.tensor, r.flow): r.words for r in cost.traffic_rows}
    for r in cost.action_rows:
        table["count", r.einsum, r.component, r.tensor, r.action] = r.count
        table["energy", r.einsum, r.component, r.tensor, r.action] = r.energy_pj
    table |= {("cycles", r.einsum, r.component): r.cycles for r in cost.latency_rows}
    table |= {("overlap", r.einsum, r.last, r.resource): r.cycles for r in cost.overlap_rows}
    for r in cost.occupancy_rows:
        add(table, ("room", r.einsum, r.level, r.tensor), r.words)
        add(table, ("room in bits", r.einsum, r.level, r.tensor), r.bits)
    return {key: value for key, value in table.items() if value}


def walk_table(case):
    """The same table from the walk; actions and energies follow from its words."""
    result = walk(case.workload, case.architecture, case.mapping)
    levels = {level.name: level for level in case.architecture.levels}
    table, accesses = {}, {}
    for r in result.traffic_rows:
        table["words", r.einsum, r.level, r.tensor, r.flow] = r.words
        action = "read" if r.flow in {"read", "drain"} else "write"
        if r.flow != "drain" or levels[r.level].drain == "charged":
            moved = result.bits.get((r.einsum, r.level, r.tensor, r.flow), 0)
            add(accesses, (r.einsum, r.level, r.tensor, action), moved)
    for (einsum, level, tensor, action), bits in accesses.items():
        memory = levels[level]
        count = bits / memory.access_bits
        table["count", einsum, level, tensor, action] = count
        table["energy", einsum, level, tensor, action] = count * (
            memory.read_pj if action == "read" else memory.write_pj
        )
    for action, rows in (("hop", result.hop_rows), ("enter", result.enter_rows)):
        for r in rows:
            array = levels[r.array]
            if action == "hop" or array.network is not None:
                count = r.bits / array.hop_bits
                table["count", r.einsum, r.array, r.tensor, action] = count
                table["energy", r.einsum, r.array, r.tensor, action] = count * link_pj(array, action)
    for r in result.operation_rows:
        table["count", r.einsum, r.unit, "", f"compute {r.kind}"] = r.count
        table["energy", r.einsum, r.unit, "", f"compute {r.kind}"] = r.count * levels[r.unit].energy_of(r.kind)
    table |= {("cycles", r.einsum, r.component): r.cycles for r in result.latency_rows}
    table |= {("overlap", r.einsum, r.last, r.resource): r.cycles for r in result.overlap_rows}
    for einsum in case.workload.einsums:
        cycles = max((r.cycles for r in result.latency_rows if r.einsum == einsum.name), default=0.0)
        for level in case.architecture.levels:
            watt = level.leakage_w * case.architecture.copies(level.name)
            table["count", einsum.name, level.name, "", "leak"] = cycles if watt else 0.0
            table["energy", einsum.name, level.name, "", "leak"] = watt / case.architecture.clock_hz * 1e12 * cycles
    for r in result.occupancy_rows:
        add(table, ("room", r.einsum, r.level, r.tensor), r.words)
        add(table, ("room in bits", r.einsum, r.level, r.tensor), r.bits)
    return {key: value for key, value in table.items() if value}


def link_pj(array, action):
    """What a word that enters an array costs, or each of its hops."""
    if array.network is None:
        return array.hop_pj if action == "hop" else 0.0
    links = array.network.links(array.shape)
    return array.hop_pj * (links.instance if action == "hop" else links.word)


def add(table, key, number):
    table[key] = table.get(key, 0) + number


def difference(case):
    """Where model and walk differ: key → (model, walk)."""
    model, walked = model_table(case), walk_table(case)
    keys = {**model, **walked}
    return {key: (model.get(key, 0), walked.get(key, 0)) for key in keys if model.get(key, 0) != walked.get(key, 0)}


def differs(case):
    """Whether a shrunk case still shows a difference; what is not a valid case does not."""
    try:
        return bool(difference(case))
    except (SpecError, ValueError, KeyError, IndexError):
        return False
    except Exception:  # noqa: BLE001 (a valid case that the model cannot finish is a difference too)
        return True


def explanation(seed):
    """The case of a seed, as small as it gets, with what differs."""
    case = shrink(random_case(seed), differs)
    lines = [f"seed {seed}", str(case)]
    try:
        lines += [f"  {' '.join(map(str, key))}: model {m}, walk {w}" for key, (m, w) in difference(case).items()]
    except Exception as error:  # noqa: BLE001 (it is what is to be shown)
        lines.append(f"  {type(error).__name__}: {str(error)[:300]}")
    return "\n".join(lines)


def first_difference(seeds):
    """Explain the first of the seeds on which the two differ; empty if they agree on all."""
    for seed in seeds:
        try:
            if not difference(random_case(seed)):
                continue
        except Exception as error:  # noqa: BLE001 (shown with the seed)
            return f"{type(error).__name__} on\n{explanation(seed)}"
        return explanation(seed)
    return ""


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(explanation(int(argument)))
