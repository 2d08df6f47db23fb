"""JSON Schemas: draft-07, and they say what the loader says."""

import json
from functools import cache

import jsonschema
import pytest

from costmodel.spec import catalog
from costmodel.spec.load import parse, read
from costmodel.spec.problems import SpecError
from costmodel.spec.schema import draft7, schema

SHIPPED = [(kind, name) for kind, names in catalog.shipped().items() for name in names]
MAPPING = """\
arch: a
workload: w
mappings:
- einsum: Z
  nest:
  - store A, B Z in DRAM
  - for m by 4
  - parallel n by 1 across PEs.X
  - sequence:
    - [compute X on MAC]
    - - for k by 1
      - compute Z on MAC
"""
STUDY = """\
arch: [two_level, pe2d]
workload: mm64
objective: [energy, capacity^2 * latency, area]
budget: 2 min
axes: {clock: [1 GHz, 2e9], ranks.M: {from: 4, to: 64, step: x2}}
set: {word: 16}
"""


@cache
def validator(kind):
    return jsonschema.Draft7Validator(schema(kind))


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_schemas_are_draft_07(kind):
    described = schema(kind)
    jsonschema.Draft7Validator.check_schema(described)
    assert described["$schema"] == "http://json-schema.org/draft-07/schema#"
    text = json.dumps(described)
    for modern in ("$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", '"discriminator"'):
        assert modern not in text


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_every_reference_leads_somewhere(kind):
    described = schema(kind)

    def references(value):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for holder in references(described):
        assert list(holder) == ["$ref"]  # draft-07 ignores what stands beside it
        assert holder["$ref"].removeprefix("#/definitions/") in described["definitions"]


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_shipped_files_are_valid(kind, name):
    assert list(validator(kind).iter_errors(read(catalog.find(name, kind)).data)) == []


@pytest.mark.parametrize(("kind", "text"), [("mapping", MAPPING), ("study", STUDY), ("mapping", "nest: [for m by 1]")])
def test_files_of_the_formats_are_valid(kind, text):
    document = parse(text)
    assert catalog.load(document)[0] == kind
    assert list(validator(kind).iter_errors(document.data)) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("arch", "name: a\nlevels: []"),
        ("arch", "name: a\nlevels: [{memory: D, energy: 1, siez: 3}, {compute: M, energy: 1}]"),
        ("arch", "name: a\nlevels: [{memory: D}, {compute: M, energy: 1}]"),
        ("arch", "name: a\nlevels: [{memory: D, energy: 3 KiB}, {compute: M, energy: 1}]"),
        ("arch", "name: a\nlevels: [{memory: D, energy: -3}, {compute: M, energy: 1}]"),
        ("arch", "name: a\nlevels: [{memory: D, energy: 3, halo: no}, {compute: M, energy: 1}]"),
        ("arch", "name: a\nlevels: [{memory: D, array: E, energy: 3}, {compute: M, energy: 1}]"),
        ("arch", "name: a\nclock: 3 pJ\nlevels: [{memory: D, energy: 3}, {compute: M, energy: 1}]"),
        ("workload", "name: w"),
        ("workload", "name: w\neinsums: [3]"),
        ("mapping", "nest: [for m by]"),
        ("mapping", "nest: [{seqence: []}]"),
        ("mapping", "nest: []"),
        ("mapping", "arch: a"),
        ("study", "arch: a"),
        ("study", "arch: two_level\nworkload: mm64\nobjective: [fast]"),
        ("study", "arch: two_level\nworkload: mm64\naxes: {clock: {from: 1}}"),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(kind, text):
    load = {"arch": catalog.load_architecture, "workload": catalog.load_workload, "study": catalog.load_study}
    with pytest.raises(SpecError):
        load.get(kind, catalog.load_mappings)(parse(text))
    assert list(validator(kind).iter_errors(parse(text).data))


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_every_key_has_a_manual(kind):
    described = schema(kind)
    for definition in (described, *described.get("definitions", {}).values()):
        for key, value in definition.get("properties", {}).items():
            assert value.get("description"), (definition["title"], key)


def test_manuals_are_those_under_the_fields():
    definitions = schema("arch")["definitions"]
    assert definitions["MemorySpec"]["properties"]["size"]["description"].startswith("Room in one instance")
    assert "leakage" in definitions["MemorySpec"]["properties"]


def test_keys_that_are_called_like_keywords_stay():
    modern = {"properties": {"$ref": {"type": "string"}, "items": {"type": "array"}}}
    assert draft7(modern) == modern
