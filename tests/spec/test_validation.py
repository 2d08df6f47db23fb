"""What pydantic finds becomes problems with places, rules and hints, whatever the shape of the model."""

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Discriminator, Field, model_validator

from costmodel.spec.load import parse
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.validation import Items, OneOrMore, SpecModel, in_order, tag, validate


class Leaf(SpecModel):
    size: int
    kind: Literal["one", "two"] = "one"

    key_hints: ClassVar = {"width": "say `size:`", "missing size": "how large it is"}


class Text(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    count: int = Field(1, ge=1, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value):
        return {"text": value} if isinstance(value, str) else value


class Cat(SpecModel):
    cat: str
    lives: int


class Dog(SpecModel):
    dog: str
    tricks: Items[str]


Pet = Annotated[
    Annotated[Cat, tag("cat")] | Annotated[Dog, tag("dog")],
    Discriminator(lambda value: "tag:cat" if "cat" in value else "tag:dog"),
]


class Root(SpecModel):
    leaf: Leaf | None = None
    leaves: Items[Leaf] = ()
    by_name: dict[str, Leaf] = Field(default_factory=dict)
    texts: Items[Text] = ()
    either: int | str | None = None
    names: OneOrMore[str] = ()
    pets: Items[Pet] = ()
    ratio: float = 1.0
    flag: bool = False


def problems_of(text, also=()):
    document = parse(text, "a.yaml")
    with pytest.raises(SpecError) as caught:
        validate(Root, document.data, document.marks, also=also)
    return [str(p) for p in caught.value.problems]


def test_what_fits_is_built():
    document = parse("leaf: {size: 3}\nleaves: [{size: 1}]\ntexts: [a, {text: b}]\nnames: x\nratio: 2\n")
    root = validate(Root, document.data, document.marks)
    assert root.leaf == Leaf(size=3)
    assert root.leaves == (Leaf(size=1),)
    assert [t.text for t in root.texts] == ["a", "b"]
    assert root.names == ("x",)
    assert root.ratio == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("leaf: {}", "a.yaml:1:7: $.leaf: required key 'size' is missing (how large it is)"),
        ("leaf: 3", "a.yaml:1:7: $.leaf: must be a map, got 3"),
        ("leaf: {size: x}", "a.yaml:1:14: $.leaf.size: must be a whole number, got 'x'"),
        ("leaf: {size: '3'}", "must be a whole number, got '3'"),
        ("leaf: {size: 3.5}", "must be a whole number, got 3.5"),
        ("leaf: {size: true}", "must be a whole number, got true"),
        ("leaf: {size: }", "must be a whole number, got nothing"),
        ("leaf: {size: 1, width: 2}", "a.yaml:1:17: $.leaf.width: no such key 'width' (say `size:`)"),
        ("leaf: {size: 1, sise: 2}", "no such key 'sise' (did you mean 'size'?)"),
        ("leaf: {size: 1, kind: onne}", "must be 'one' or 'two', got 'onne' (did you mean 'one'?)"),
        ("leaf: {size: 1, kind: 3}", "must be 'one' or 'two', got 3"),
        ("leaves: [{size: 1}, {size: 1, sizes: 1}]", "a.yaml:1:31: $.leaves[1].sizes: no such key 'sizes' (did"),
        ("leaves: {size: 1}", "$.leaves: must be a list, got a map"),
        ("by_name: {a: {size: 1, kindd: 2}}", "$.by_name.a.kindd: no such key 'kindd' (did you mean 'kind'?)"),
        ("by_name: [a]", "$.by_name: must be a map, got a list"),
        ("texts: [{text: a, txt: a}]", "$.texts[0].txt: no such key 'txt' (did you mean 'text'?)"),
        ("texts: [{text: a, count: 0}]", "$.texts[0].count: must be >= 1, got 0"),
        ("texts: [3]", "$.texts[0]: must be a map, got 3"),
        ("either: [1]", "a.yaml:1:9: $.either: must be a whole number or text, got a list"),
        ("names: [1]", "$.names[0]: must be text, got 1 (quote it to mean text)"),
        ("names: 3", "$.names: must be a list, got 3"),
        ("pets: [{cat: a, lives: 1, livs: 3}]", "a.yaml:1:27: $.pets[0].livs: no such key 'livs' (did you mean"),
        ("pets: [{cat: a}]", "a.yaml:1:8: $.pets[0]: required key 'lives' is missing"),
        ("pets: [{dog: a, tricks: [1]}]", "$.pets[0].tricks[0]: must be text, got 1"),
        ("flag: yes", "$.flag: must be true or false, got 'yes'"),
        ("ratio: fast", "$.ratio: must be a number, got 'fast'"),
        ("raito: 1", "a.yaml:1:1: $.raito: no such key 'raito' (did you mean 'ratio'?)"),
        ("[1]", "a.yaml:1:1: $: a spec is a map of keys, got a list (is this a YAML file?)"),
    ],
)  # fmt: skip
def test_what_does_not_fit(text, problem):
    (found,) = problems_of(text)
    assert problem in found


def test_one_value_of_two_types_is_one_problem():
    assert len(problems_of("either: {a: 1}\nflag: 3\n")) == 2


def test_other_problems_are_told_too_in_the_order_of_the_file():
    found = problems_of("a: 1\nflag: 3\n", also=[Problem("first", "a.yaml", 1), Problem("last", "a.yaml", 9)])
    assert [p.split(" ")[0] for p in found] == ["a.yaml:1:", "a.yaml:1:1:", "a.yaml:2:7:", "a.yaml:9:"]


def test_other_problems_alone_are_an_error():
    assert problems_of("flag: true", also=[Problem("first")]) == ["first"]


def test_repeated_problems_are_told_once():
    assert in_order([Problem("a", line=2), Problem("b", line=1), Problem("a", line=2)]) == [
        Problem("b", line=1),
        Problem("a", line=2),
    ]
