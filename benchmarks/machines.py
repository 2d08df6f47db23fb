"""What each shipped machine costs, as a table, to hold two versions of the machines against each other.

python benchmarks/machines.py [MACHINE…]

Two standard workloads at least energy: a GEMM of 256 cubed, and a 3 x 3 convolution of ResNet-18. What is not proven
within ten seconds is marked by a tilde.
"""

import sys

import costmodel.api as cm
from costmodel.mapper.result import InfeasibleError, Status
from costmodel.report import human
from costmodel.spec import catalog

WORKLOADS = {
    "gemm": {"set": {"ranks.M": 256, "ranks.N": 256, "ranks.K": 256}},
    "resnet18": {"einsums": ["layer3.1.conv1"]},
}


def cells(machine: str, workload: str) -> list[str]:
    try:
        found = cm.map(machine, workload, objective="energy", jobs=1, budget="10 s", **WORKLOADS[workload])
    except InfeasibleError:
        return ["no mapping fits", "", ""]
    area = found.area_mm2
    sure = "" if found.certificate.status is Status.PROVEN else "~ "
    return [
        sure + human.joules(found.energy_pj, 4),
        f"{found.latency_cycles:,.0f}",
        human.NOT_MODELLED if area is None else f"{area:.3g} mm2",
    ]


def main() -> None:
    head = ("machine", "GEMM: energy", "cycles", "convolution: energy", "cycles", "area")
    print(f"| {' | '.join(head)} |\n{'| --- ' * len(head)}|")
    for machine in sys.argv[1:] or catalog.shipped()["arch"]:
        (gemm, cycles, area), (layer, others, _) = (cells(machine, workload) for workload in WORKLOADS)
        print(f"| `{machine}` | {gemm} | {cycles} | {layer} | {others} | {area} |", flush=True)


if __name__ == "__main__":
    main()
