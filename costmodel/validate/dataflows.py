"""Row stationary against weight and output stationary and no local reuse, each at its proven best."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from math import fsum

from costmodel import api
from costmodel.api.results import MapResult
from costmodel.validate.data_files import published
from costmodel.validate.records import Case, CaseGroup, at_most, within

BATCH = 16
PARTS = {"ALU": ("MAC", within(0.005)), "DRAM": ("DRAM", at_most(0.005)), "RF": ("RF", within(0.03))}
"""Components, and how far their energies may be off; the proven best moves no more than a mapping that was found."""


def cases() -> Iterator[Case]:
    data = published("dataflows")
    for layer, energies in data["layers"].items():
        for (part, (component, tolerance)), energy in zip(PARTS.items(), energies, strict=True):
            yield Case(
                name=layer,
                quantity=f"energy of {part}",
                unit="10⁹ MAC",
                published=energy,
                ours=partial(_energy, layer, component),
                tolerance=tolerance,
                source=f"{data['source']}, Figure 10",
                assumed="the proven best row-stationary mapping; the paper's is one that was found",
                slow=True,
            )
    for quantity, place in (("least", 0), ("most", -1)):
        yield Case(
            name="CONV1 to CONV5",
            quantity=f"{quantity} energy of another dataflow, × row stationary",
            published=data[quantity],
            ours=partial(_ratio, place),
            tolerance=within(0.05),
            source=data["source"],
            assumed="equal area: one word of registers a PE and 606 KiB of buffer, at the price of 128 KiB (Table IV)",
            slow=True,
        )


@cache
def _best(layer: str, dataflow: int) -> MapResult:
    """Find the least energy of a layer with a dataflow, of which there is a list."""
    asked = published("dataflows")["dataflows"][dataflow]
    workload = api.load_workload("alexnet", set={"ranks.N": BATCH})
    return api.map(
        "eyeriss_normalized",
        workload,
        einsums=layer,
        objective="energy",
        constraints=asked["constraints"],
        set=asked["machine"],
        jobs=1,
    )


def _energy(layer: str, component: str) -> float:
    rows = _best(layer, 0).evaluation.action_rows
    return 1e-9 * fsum(row.energy_pj for row in rows if row.component == component)


def _ratio(place: int) -> float:
    """Energy over that of row stationary: in order, of all other dataflows."""
    data = published("dataflows")
    sums = [fsum(_best(layer, k).energy_pj for layer in data["layers"]) for k in range(len(data["dataflows"]))]
    return sorted(sums[1:])[place] / sums[0]


GROUP = CaseGroup(
    name="dataflows",
    title="Eyeriss: row stationary against other dataflows",
    about="""
AlexNet's convolutions on the shipped `eyeriss_normalized` (256 PEs, ISCA 2016), each dataflow with its constraints and
the proven least energy under them. Row stationary takes the energies of the paper's figure: four accesses of registers
an operation, which is most, then the MACs and DRAM, with little for buffer and array. DRAM of CONV3 to CONV5 is equal;
of CONV1 and CONV2 it is less, where the best mapping is better than the paper's. The others, on machines of equal area,
take 1.4 to 2.5 times as much, as the paper says: least with weight or output stationary over channels and pixels, most
without local reuse.
""",
    cases=lambda: list(cases()),
)
