"""Designs of other tools, imported: their counts are those that the tools print, and what is left out is named."""

import peer_files
import pytest
import yaml
from reference import reference

import costmodel as cm
from costmodel.importing.peers.reading import read_peer
from costmodel.validate.data_files import published

FLOWS = {"reads": "read", "fills": "fill", "updates": "update"}


@pytest.mark.parametrize("name", ["eyeriss_like", "simple_weight_stationary"])
def test_designs_of_timeloop_have_the_words_the_cycles_and_the_energies_that_it_prints(name, tmp_path):
    golden = reference("golden_timeloop.json")[name]
    ours = next(one for one in published("timeloop")["runs"] if one["name"] == name)
    prices = {}
    for level in ours["levels"]:
        energy = level.get("energy")
        if "memory" in level:
            read, write = (float(str(energy[action]).removesuffix(" pJ")) for action in ("read", "write"))
            prices[level["memory"]] = {"read": read, "write": write, "update": write}
        elif "compute" in level:
            prices[level["compute"]] = {"compute": float(energy.removesuffix(" pJ"))}
    table = tmp_path / "ERT.yaml"
    table.write_text(yaml.safe_dump(peer_files.energy_table(prices)))
    found = read_peer("timeloop", [*peer_files.timeloop(tmp_path, name, golden), table])
    cost = cm.evaluate(found.arch, found.workload, mapping=found.mapping)
    for level, tensors in golden["levels"].items():
        for tensor, row in tensors.items():
            instances = row["Utilized instances (max)"]
            for shown, flow in FLOWS.items():
                words = row[f"Scalar {shown} (per-instance)"] * instances
                assert cost.evaluation.words(level, tensor, flow) == words, (level, tensor, flow)
            rows = cost.evaluation.action_rows
            energy_pj = sum(one.energy_pj for one in rows if (one.component, one.tensor) == (level, tensor))
            assert energy_pj == pytest.approx(row["Energy (total)"], rel=1e-5), (level, tensor)
    assert cost.latency_cycles == int(golden["summary"]["Cycles"])
    assert not found.differs
