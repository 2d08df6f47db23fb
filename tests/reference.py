"""Where the published numbers of other tools are, for tests that compare with them."""

import json
import os
from pathlib import Path

import pytest
import yaml

REFERENCE = Path(os.environ.get("COSTMODEL_REFERENCE", Path(__file__).resolve().parents[2] / "shared" / "reference"))


def reference(name):
    """Read one file of reference data, or skip the test if it is not on this machine."""
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"{path} is not here (COSTMODEL_REFERENCE says where the published numbers are)")
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def case_files(folder, cases):
    """Write the architectures and workloads of cases.yaml in the product's own format; return {name: path}."""
    paths = {}
    for name, levels in cases["archs"].items():
        written = []
        for level in levels:
            entry = dict(level)
            if "bandwidth_words_per_cycle" in entry:
                entry["bandwidth"] = f"{entry.pop('bandwidth_words_per_cycle')} words/cycle"
            if "size_words" in entry:
                entry["size"] = f"{entry.pop('size_words')} words"
            if "throughput" in entry:
                entry["throughput"] = f"{entry['throughput']} /cycle"
            if "energy" in entry:
                entry["energy"] = f"{entry['energy']} pJ"
            written.append(entry)
        paths[name] = folder / f"{name}.yaml"
        paths[name].write_text(yaml.safe_dump({"name": name, "word": "8 b", "levels": written}))
    for name, workload in cases["workloads"].items():
        paths[name] = folder / f"{name}.yaml"
        document = {
            "name": name,
            "ranks": workload["ranks"],
            "bits": {"default": 8, **workload.get("bits", {})},
            "einsums": [workload["einsum"]],
        }
        paths[name].write_text(yaml.safe_dump(document))
    return paths
