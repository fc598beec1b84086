import json
from dataclasses import asdict, replace

import pytest
import torch

from crepr.models._network import DecoderSpec, EncoderSpec, NetworkSpec
from crepr.models._output import Output
from crepr.models._spec import InputSpec, ModelSpec, TermSpec
from crepr.models._terms import TERMS
from crepr.models._vae import vae

SPEC = vae(
    {"stain": InputSpec(("DAPI", "membrane"), 20), "transcripts": InputSpec(("a", "b", "c"), 20, "planes")},
    n_latent=3,
    reconstruction={"transcripts": "dice_focal"},
)


def test_anchor_terms_get_their_options():
    spec = replace(
        SPEC, objective={**SPEC.objective, "transcripts_focal": TermSpec("focal", 2.0, "transcripts", {"gamma": 0.0})}
    )
    outputs = {"stain": torch.zeros(1, 2, 20, 20), "transcripts": torch.zeros(1, 3, 20, 20)}
    q = spec.build().eval()(outputs).q
    loss, parts = spec.build_objective()(Output(torch.zeros(1, 3), q, outputs), {"targets": outputs})
    # with gamma 0, the cross-entropy of undecided pixels
    assert parts["transcripts_focal"].item() == pytest.approx(3 * 0.6931, rel=1e-4)
    weights = {name: term.weight for name, term in spec.objective.items()}
    assert loss.item() == pytest.approx(sum(weights[name] * part.item() for name, part in parts.items()))


def test_anchor_what_outputs_are():
    assert SPEC.is_probability("transcripts")
    assert not SPEC.is_probability("stain")
    with pytest.raises(KeyError, match="No 'nuclei' in targets"):
        SPEC.is_probability("nuclei")


def changed(path, value):
    content = json.loads(SPEC.to_json())
    *parents, last = path
    part = content
    for key in parents:
        part = part[key]
    part[last] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (["format"], 2, "has format 2, this version of crepr reads up to 1. Update crepr"),
        (["format"], "1", "has no 'format'"),
        (["format"], True, "has no 'format'"),
        (["format"], 0, "has no 'format'"),
        (["weights"], {}, "spec has unknown keys: 'weights'"),
        (["network", "n_latent"], "3", "spec.network.n_latent must be an integer, got '3'"),
        (["network", "n_latent"], 0, "n_latent must be at least 1"),
        (
            ["network", "encoders", "encoder", "widths"],
            [16, 2.5],
            r"spec.network.encoders\['encoder'\].widths\[1\] must be an integer",
        ),
        (
            ["network", "encoders", "encoder", "channels"],
            4,
            "takes 4 channels of 20 pixels, but its inputs have 2 channels of 20 pixels and 3 channels of 20 pixels",
        ),
        (
            ["network", "encoders", "encoder", "inputs"],
            ["stain", "nuclei"],
            "reads 'nuclei', but the inputs are 'stain', 'transcripts'",
        ),
        (
            ["network", "decoders", "stain", "channels"],
            5,
            "Decoder 'stain' makes 5 channels of 20 pixels, but input 'stain' has 2 channels of 20 pixels",
        ),
        (["inputs", "stain", "channels"], ["DAPI", "DAPI"], "channels must be unique, repeated are 'DAPI'"),
        (["inputs", "stain", "channels"], [], "channels must hold at least one name"),
        (["inputs", "stain", "kind"], "sound", "must be one of 'intensity', 'planes', 'profile', got 'sound'"),
        (
            ["objective", "stain_mse", "term"],
            "mae",
            f"term must be one of {', '.join(map(repr, TERMS))}, got 'mae'",
        ),
        (
            ["objective", "stain_mse", "target"],
            "nuclei",
            "has target 'nuclei', but the decoders' are 'stain', 'transcripts'",
        ),
        (["objective", "stain_mse", "target"], None, "Term 'mse' needs a target"),
        (["objective", "kl", "target"], "stain", "Term 'kl' takes no target"),
        (["objective", "kl", "weight"], -1, "weight must be a finite number of at least 0"),
        (["objective", "kl", "weight"], {"start": 0, "stop": 1}, "lacks keys: 'epochs'"),
        (
            ["objective", "transcripts_dice", "options", "power"],
            2,
            "option of term 'dice' must be one of .* got 'power'",
        ),
        (["objective", "transcripts_dice", "options", "smooth"], [1.0], "smooth must be two numbers"),
        (["objective", "transcripts_focal", "options", "gene_weights"], [1.0], "has 1 gene_weights for 3 genes"),
        (["objective"], {"kl": {"term": "kl"}}, "No term compares target 'stain', 'transcripts'"),
        (["network", "latent"], "sphere", "latent must be one of 'normal', 'point', got 'sphere'"),
        (["view", "angle"], float("nan"), "spec: view must be plain JSON"),
        (["view"], {}, "view must have a 'name'"),
        (["view"], [], "spec.view must be an object"),
    ],
)
def test_error_damaged_json(path, value, match):
    with pytest.raises(ValueError, match=match):
        ModelSpec.from_json(changed(path, value))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"model": "vae"}'])
def test_error_not_a_specification(text):
    with pytest.raises(ValueError, match=r"is not JSON|has no 'format'"):
        ModelSpec.from_json(text)


def test_error_missing_part():
    content = json.loads(SPEC.to_json())
    del content["network"]["decoders"]
    with pytest.raises(ValueError, match="spec.network lacks keys: 'decoders'"):
        ModelSpec.from_json(json.dumps(content))


def test_error_contradicting_terms():
    objective = {**SPEC.objective, "extra": TermSpec("bce", 1.0, "stain")}
    with pytest.raises(ValueError, match="take its output for logits and for values"):
        replace(SPEC, objective=objective)


def test_error_point_latent_without_posterior():
    encoder, decoder = EncoderSpec(("stain",), 2, 20, (4, 4)), DecoderSpec("stain", 2, 20, (4, 4))
    network = NetworkSpec({"encoder": encoder}, {"stain": decoder}, 3, "point")
    inputs = {"stain": SPEC.inputs["stain"]}
    terms = {"mse": TermSpec("mse", 1.0, "stain")}
    assert asdict(ModelSpec("point", inputs, network, terms).network)["latent"] == "point"
    with pytest.raises(ValueError, match="Term 'kl' reads the posterior of a latent, which only 'normal' has"):
        ModelSpec("point", inputs, network, {**terms, "kl": TermSpec("kl")})


def test_error_what_json_cannot_hold():
    with pytest.raises(TypeError, match="options must be plain JSON"):
        InputSpec(("a",), 20, options={"limits": (1, 2)})
    with pytest.raises(TypeError, match="view must be plain JSON"):
        replace(SPEC, view={"name": "identity", "angle": float("nan")})
    with pytest.raises(TypeError, match="channels must be a tuple of str, got 'DAPI'"):
        InputSpec("DAPI", 20)
