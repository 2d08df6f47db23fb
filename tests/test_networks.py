"""Shipped transformers, attention cascades and residual networks: their operations and what they compute."""

import numpy as np
import pytest

import costmodel.api as cm
from costmodel.spec import catalog


def macs(name, *overrides, only=None):
    workload = catalog.load_workload(name, overrides)
    return sum(e.operation_counts.get("mac", 0) * e.count for e in workload.einsums if only is None or e.name in only)


# ---------------------------------------------------------------------------------------------------------------
# Operations


@pytest.mark.parametrize(
    ("name", "tokens", "width", "inner", "parameters"),
    [
        ("bert_large_layer", 512, 1024, 4096, 12_582_912),
        ("gpt2_layer", 1024, 768, 3072, 7_077_888),
        ("gpt3_6p7b", 2048, 4096, 16384, 201_326_592),
        ("gpt3_175b", 2048, 12288, 49152, 1_811_939_328),
    ],
)
def test_a_layer_multiplies_tokens_by_its_parameters_and_attends(name, tokens, width, inner, parameters):
    """The parameters of a layer are those that the papers count: four matrices of attention and two of the MLP."""
    assert parameters == 4 * width**2 + 2 * width * inner
    assert macs(name) == tokens * parameters + 2 * width * tokens**2
    assert macs(name, "ranks.M=256") == 256 * parameters + 2 * width * 256**2


@pytest.mark.parametrize(
    ("name", "width", "keys", "inner", "parameters"),
    [("llama3_8b", 4096, 1024, 14336, 218_103_808), ("llama3_70b", 8192, 1024, 28672, 855_638_016)],
)
def test_llama_reads_and_writes(name, width, keys, inner, parameters):
    assert parameters == 2 * width**2 + 2 * width * keys + 3 * width * inner
    assert macs(name) == 8192 * parameters + 2 * width * 8192**2
    assert macs(f"{name}_decode") == parameters + 2 * width * 8192
    cached = catalog.load_workload(f"{name}_decode").einsum("AV").tensors["VC"]
    assert (cached.role, cached.size_words) == ("input", 8192 * keys)  # the cache changes with the input


def test_mixtral_has_two_experts_to_a_token_and_its_counts_can_be_stated():
    dense = 2 * 4096**2 + 2 * 4096 * 1024
    even = 4096 * (dense + 4096 * 8 + 2 * 3 * 4096 * 14336) + 2 * 4096 * 4096**2
    assert macs("mixtral_8x7b") == even
    uneven = ("ranks.T1=2048", "ranks.T2=512", "ranks.T3=512")
    assert macs("mixtral_8x7b", *uneven) == even
    assert macs("mixtral_8x7b", *uneven, only={"UP1", "UP2"}) == (2048 + 512) * 4096 * 14336


def test_images_and_spectrograms_as_tokens():
    layer = 12 * (4 * 197 * 768**2 + 2 * 768 * 197**2 + 2 * 197 * 768 * 3072)
    once = 196 * 768 * 768 + 768 * 1000
    inside = {"Q", "K", "V", "QK", "AV", "Z", "FF1", "FF2"}
    assert 12 * macs("vit_b16", only=inside) == layer
    assert macs("vit_b16", only={"PATCH", "OUT"}) == once
    assert layer + once == 17_563_828_224  # 17.56 G
    assert macs("ast", only={"Q"}) == 1214 * 768**2
    assert macs("ast", only={"PATCH"}) == 1212 * 256 * 768


@pytest.mark.parametrize(("depth", "additions"), [(18, 8), (50, 16)])
def test_residual_networks_are_one_cascade_with_the_layers_of_the_plain_ones(depth, additions):
    plain = catalog.load_workload(f"resnet{depth}").einsums
    whole = catalog.load_workload(f"resnet{depth}_residual").einsums
    products = [e for e in whole if "mac" in e.operation_counts]
    assert [e.points for e in products if e.name != "fc"] == [e.points for e in plain if e.name != "fc"]
    assert sum(e.points for e in products) == sum(e.points for e in plain)
    assert sum(e.name.endswith(".add") for e in whole) == additions
    roles = {(name, str(t.role)) for e in whole for name, t in e.tensors.items()}
    assert {name for name, role in roles if role == "input"} == {"IMAGE"}
    assert {name for name, role in roles if role == "output"} == {"FC"}


# ---------------------------------------------------------------------------------------------------------------
# What attention computes


def softmax(scores):
    """Over the keys, which are the last axis but one."""
    numerators = np.exp(scores - scores.max(axis=-2, keepdims=True))
    return numerators / numerators.sum(axis=-2, keepdims=True)


def attend(query, key, value, width):
    """``query`` [… p e], ``key`` [… m e], ``value`` [… m f]: [… p f]."""
    scores = np.einsum("...pe,...me->...mp", query, key) / np.sqrt(width)
    return np.einsum("...mp,...mf->...pf", softmax(scores), value)


SMALL = {"H": 2, "M": 6, "E": 4}


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("attention_three_pass", SMALL),
        ("attention_deferred", SMALL),
        ("attention_two_pass", {"H": 2, "M1": 3, "M0": 2, "E": 4}),
    ],
)
def test_attention_is_softmax_attention_whatever_its_passes(name, sizes):
    ran = cm.run(name, set={f"ranks.{rank}": n for rank, n in sizes.items()}, random="floats", seed=3)
    np.testing.assert_allclose(ran["AV"], attend(ran["Q"], ran["K"], ran["V"], 4), rtol=1e-12)


def test_flash_attention_is_softmax_attention():
    small = {f"ranks.{rank}": n for rank, n in {"H": 2, "P": 5, "M1": 3, "M0": 2, "E": 4, "F": 4}.items()}
    start = np.zeros((2, 4, 5))
    start[:, 0] = -np.inf
    ran = cm.run("flash_attention", set=small, values={"RM": start}, random="floats")
    np.testing.assert_allclose(ran["AV"], attend(ran["Q"], ran["K"], ran["V"], 1), rtol=1e-12)


def test_grouped_queries_share_keys_and_values():
    ran = cm.run("attention_grouped", set={"ranks.K": 2, "ranks.Q": 3, "ranks.M": 5, "ranks.E": 4}, random="floats")
    key, value = (np.repeat(ran[name][:, :, None], 3, axis=2) for name in ("KEY", "V"))
    np.testing.assert_allclose(ran["AV"], attend(ran["QUERY"], key, value, 4), rtol=1e-12)


def test_cross_attention_asks_another_sequence():
    ran = cm.run("attention_cross", set={"ranks.H": 2, "ranks.M": 5, "ranks.P": 3, "ranks.E": 4}, random="floats")
    np.testing.assert_allclose(ran["AV"], attend(ran["Q"], ran["K"], ran["V"], 1), rtol=1e-12)
    np.testing.assert_allclose(ran["K"], np.einsum("bmd,dhe->bhme", ran["Y"], ran["WK"]), rtol=1e-12)


def test_latent_attention_is_that_of_the_keys_and_values_that_it_never_makes():
    small = {f"ranks.{rank}": n for rank, n in {"H": 3, "M": 5, "P": 2, "E": 4, "L": 6, "R": 2}.items()}
    ran = cm.run("attention_latent", set=small, random="floats")
    key = np.einsum("bml,lhe->bhme", ran["C"], ran["WUK"])
    key = np.concatenate([key, np.repeat(ran["KR"][:, None], 3, axis=1)], axis=-1)
    query = np.concatenate([ran["Q"], ran["QROT"]], axis=-1)
    value = np.einsum("bml,lhf->bhmf", ran["C"], ran["WUV"])
    np.testing.assert_allclose(ran["AV"], attend(query, key, value, 4 + 2), rtol=1e-10)


def test_a_layer_of_llama_rotates_and_attends():
    small = {f"ranks.{rank}": n for rank, n in {"M": 5, "K": 2, "Q": 2, "E": 2, "J": 6}.items()}
    ran = cm.run("llama3_8b", set=small, random="floats", values={"GAIN1": np.ones(16), "GAIN2": np.ones(16)})
    even, odd, cos, sin = ran["QE"], ran["QO"], ran["COS"], ran["SIN"]
    np.testing.assert_allclose(
        ran["QR"], np.stack([even * cos - odd * sin, odd * cos + even * sin], axis=4), rtol=1e-12
    )
    query = np.moveaxis(ran["QR"], 4, -2).reshape(1, 2, 2, 5, 4)
    key = np.repeat(ran["KR"].reshape(1, 2, 1, 5, 4), 2, axis=2)
    value = np.repeat(ran["V"][:, :, None], 2, axis=2)
    np.testing.assert_allclose(ran["AV"], attend(query, key, value, 4), rtol=1e-10)
