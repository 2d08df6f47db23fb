"""Files of other tools, written from what reference data says of their runs."""

import re

import yaml

TIMELOOP_PROBLEM = """
problem:
  version: 0.4
  shape:
    name: conv2D
    dimensions: [C, M, R, S, N, P, Q]
    coefficients:
    - {name: Wstride, default: 1}
    - {name: Hstride, default: 1}
    - {name: Wdilation, default: 1}
    - {name: Hdilation, default: 1}
    data_spaces:
    - {name: Weights, projection: [[[C]], [[M]], [[R]], [[S]]]}
    - name: Inputs
      projection: [[[N]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]]]
    - {name: Outputs, projection: [[[N]], [[M]], [[Q]], [[P]]], read_write: true}
  instance: %s
"""

TIMELOOP_ARCHES = {
    "eyeriss_like": """
architecture:
  version: 0.4
  nodes:
  - !Container
    name: system
  - !Component
    name: DRAM
    class: DRAM
    attributes: {type: "LPDDR4", width: 64, datawidth: 8}
  - !Container
    name: eyeriss
    attributes: {technology: "32nm"}
  - !Component
    name: shared_glb
    class: smartbuffer_SRAM
    attributes: {depth: 16384, width: 64, n_banks: 32, datawidth: 8, read_bandwidth: 16, write_bandwidth: 16}
    constraints:
      dataspace: {keep: [Inputs, Outputs], bypass: [Weights]}
  - !Container
    name: PE_column
    spatial: {meshX: 14}
    constraints:
      spatial: {permutation: [N, C, P, R, S, Q, M], factors: [N=1, C=1, P=1, R=1, S=1], split: 7}
  - !Container
    name: PE
    spatial: {meshY: 12}
    constraints:
      spatial: {split: 4, permutation: [N, P, Q, R, S, C, M], factors: [N=1, P=1, Q=1, R=1]}
  - !Parallel
    nodes:
    - !Component
      name: ifmap_spad
      class: smartbuffer_RF
      attributes: {depth: 12, width: 16, datawidth: 8, read_bandwidth: 2, write_bandwidth: 2}
      constraints:
        dataspace: {keep: [Inputs]}
        temporal: {permutation: [N, M, C, P, Q, R, S], factors: [N=1, M=1, C=1, P=1, Q=1, R=1, S=1]}
    - !Component
      name: weights_spad
      class: smartbuffer_RF
      attributes: {depth: 192, width: 16, datawidth: 8, read_bandwidth: 2, write_bandwidth: 2}
      constraints:
        dataspace: {keep: [Weights]}
    - !Component
      name: psum_spad
      class: smartbuffer_RF
      attributes: {depth: 16, width: 16, datawidth: 16, read_bandwidth: 2, write_bandwidth: 2}
      constraints:
        dataspace: {keep: [Outputs]}
  - !Component
    name: mac
    class: intmac
    attributes: {multiplier_width: 8, adder_width: 16}
""",
    "simple_weight_stationary": """
architecture:
  version: 0.3
  subtree:
  - name: system
    attributes: {technology: 45nm}
    local:
    - {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 16}}
    subtree:
    - name: chip
      local:
      - name: shared_glb
        class: smartbuffer_SRAM
        attributes: {depth: 16384, width: 64, datawidth: 16, read_bandwidth: 16, write_bandwidth: 16}
      - {name: "inter_PE_spatial[1..1]", class: dummy_storage, attributes: {depth: 1, width: 1}}
      subtree:
      - name: PE[0..255]
        local:
        - {name: pe_spad, class: smartbuffer_SRAM, attributes: {depth: 192, width: 16, datawidth: 16, meshX: 1}}
        - {name: weight_reg, class: reg_storage, attributes: {depth: 1, width: 16, datawidth: 16, meshX: 1}}
        - {name: input_activation_reg, class: reg_storage, attributes: {depth: 1, width: 16, datawidth: 16, meshX: 1}}
        - {name: output_activation_reg, class: reg_storage, attributes: {depth: 1, width: 16, datawidth: 16, meshX: 1}}
        - {name: mac, class: intmac, attributes: {multiplier_width: 8, meshX: 1}}
""",
}
"""Timeloop's example designs, in the format of its version 4 and in that of version 3."""

LOOP = re.compile(r"for (\w+) in \[0:(\d+)\)(?: \(Spatial-([XY])\))?")


def timeloop(folder, name, run):
    """Write an example design, its problem and the mapping that Timeloop printed; return the files."""
    problem = run["problem"]
    instance = {key: problem[key] for key in "CMRSNPQ"} | {"Wstride": problem["stride"], "Hstride": problem["stride"]}
    texts = {
        "arch": TIMELOOP_ARCHES[name],
        "problem": TIMELOOP_PROBLEM % instance,
        "mapping": yaml.safe_dump({"mapping": directives(run["mapping"])}),
    }
    files = [folder / f"{kind}.yaml" for kind in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    return files


def directives(printed):
    """The mapping that Timeloop prints as the directives that it reads: loops innermost first, all dimensions."""
    found, targets = [], []
    for line in printed.splitlines():
        if line.startswith("|"):
            match = LOOP.search(line)
            if match:
                found[-1]["loops"].append(match.groups())
        elif "[" in line:
            target = line.split(" [")[0]
            kept = re.findall(r"(\w+):\d+", line.split("[", 1)[1])
            found.append({"target": target, "keep": kept, "loops": []})
            targets.append(target)
    mapping = []
    for one in found:
        others = [t for t in ("Weights", "Inputs", "Outputs") if t not in one["keep"]]
        if one["keep"]:
            mapping.append({"target": one["target"], "type": "datatype", "keep": one["keep"], "bypass": others})
        for kind in ("temporal", "spatial"):
            loops = [(d, n, axis) for d, n, axis in reversed(one["loops"]) if bool(axis) == (kind == "spatial")]
            named = [d for d, _, _ in loops]
            along_x = [d for d, _, axis in loops if axis == "X"]
            rest = [d for d in "CMRSNPQ" if d not in named]
            factors = " ".join([f"{d}{n}" for d, n, _ in loops] + [f"{d}1" for d in rest])
            directive = {"target": one["target"], "type": kind, "factors": factors}
            directive["permutation"] = "".join([*along_x, *(d for d in named if d not in along_x), *rest])
            if kind == "spatial":
                directive["split"] = len(along_x)
            mapping.append(directive)
    return mapping


def energy_table(run):
    """The ERT of a run: energies per access by component, from the energy that each level and tensor took."""
    tables = [
        {
            "name": f"system.{level}[1..1]",
            "actions": [{"name": a, "arguments": {}, "energy": e} for a, e in said.items()],
        }
        for level, said in run.items()
    ]
    return {"ERT": {"version": 0.4, "tables": tables}}


def accelforge(folder, cases, case):
    """Write a case of cases.yaml as AccelForge has it; return the files."""
    workload, texts = cases["workloads"][case["workload"]], {}
    nodes = []
    for level in cases["archs"][case["arch"]]:
        if "array" in level:
            fans = "".join(f"    - {{name: {n}, fanout: {fanout}}}\n" for n, fanout in level["shape"].items())
            nodes.append(f"  - !Container\n    name: {level['array']}\n    spatial:\n{fans}")
        elif "memory" in level:
            rate = level.get("bandwidth_words_per_cycle")
            latency = f"1 / ({rate} * 1e9)" if rate else 0
            size = f"{level['size_words']} * 8" if "size_words" in level else "inf"
            actions = "".join(
                f"    - {{name: {a}, bits_per_action: 8, energy: {level['energy']}e-12, latency: {latency}}}\n"
                for a in ("read", "write")
            )
            nodes.append(f"  - !Memory\n    name: {level['memory']}\n    size: {size}\n    actions:\n{actions}")
        else:
            action = f"{{name: compute, energy: {level['energy']}e-12, latency: 1e-9}}"
            nodes.append(f"  - !Compute\n    name: {level['compute']}\n    actions:\n    - {action}\n")
    texts["arch"] = "arch:\n  nodes:\n" + "".join(nodes)
    output, _, right = workload["einsum"].partition(" = ")
    accesses = [(text, False) for text in right.split(" * ")] + [(output, True)]
    shape = "".join(f"    {rank.lower()}: 0 <= {rank.lower()} < {n}\n" for rank, n in workload["ranks"].items())
    tensors = []
    for text, written in accesses:
        name, _, inside = text.removesuffix("]").partition("[")
        indices = ", ".join(
            f"R{k}: {one}" if "+" in one else f"{one.strip().upper()}: {one}" for k, one in enumerate(inside.split(","))
        )
        tensors.append(f"    - {{name: {name}, projection: {{{indices}}}{', output: True' if written else ''}}}\n")
    texts["workload"] = (
        f"workload:\n  iteration_space_shape:\n{shape}  bits_per_value: {{All: 8}}\n  einsums:\n"
        f"  - name: {output[0]}\n    tensor_accesses:\n{''.join(tensors)}"
    )
    texts["mapping"] = "mapping:\n  nodes:\n" + "".join(map(_accelforge_node, case["nest"]))
    files = [folder / f"{kind}.yaml" for kind in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    return files


def _accelforge_node(sentence):
    words = sentence.split()
    match words:
        case ["store", *tensors, "in", level]:
            return f"  - !Storage {{tensors: [{', '.join(tensors)}], component: {level}}}\n"
        case ["for", variable, "by", tile]:
            return f"  - !Temporal {{rank_variable: {variable}, tile_shape: {tile}}}\n"
        case ["parallel", variable, "by", tile, "across", array]:
            component, name = array.split(".")
            where = f"component: {component}, name: {name}"
            return f"  - !Spatial {{rank_variable: {variable}, tile_shape: {tile}, {where}}}\n"
        case ["compute", einsum, "on", unit]:
            return f"  - !Compute {{einsum: {einsum}, component: {unit}}}\n"


SCALESIM_CONFIG = """[general]
run_name = case

[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {columns}
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
Bandwidth : 10
Dataflow : {dataflow}

[run_presets]
InterfaceBandwidth: CALC
"""


def scalesim(folder, run):
    """Write a run of SCALE-Sim: ``shape`` is M, N, K of its product; a convolution is written as one."""
    config, topology = folder / "case.cfg", folder / "case.csv"
    rows, columns = run["array"]
    config.write_text(SCALESIM_CONFIG.format(rows=rows, columns=columns, dataflow=f"{run['stationary'][0]}s"))
    m, n, k = run["shape"]
    if run.get("convolution"):
        pixels, filters = int(m**0.5), 3 if k % 9 == 0 else 5 if k % 25 == 0 else 1
        head = "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
        size = 2 * (pixels - 1) + filters
        sizes = (size, size, filters, filters, k // filters**2, n, 2)
    else:
        head, sizes = "Layer, M, N, K,", (m, n, k)
    topology.write_text(f"{head}\nlayer1, {', '.join(map(str, sizes))},\n")
    return [config, topology]
