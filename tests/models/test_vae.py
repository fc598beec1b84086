import pytest

from crepr.models._beta_vae import beta_vae
from crepr.models._double_decoder_vae import double_decoder_vae
from crepr.models._objective import WarmUp
from crepr.models._spec import InputSpec
from crepr.models._vae import vae

STAIN = {"stain": InputSpec(("DAPI",), 100)}
PLANES = {"transcripts": InputSpec(("Acta2", "Apob"), 100, "planes")}
DICE = {"reconstruction": {"transcripts": "dice_focal"}}


def test_anchor_depth_follows_the_size():
    widths = {
        size: vae({"stain": InputSpec(("a",), size)}).network.encoders["encoder"].widths for size in (17, 64, 100, 300)
    }
    assert widths == {
        17: (16, 32),
        64: (16, 32, 64, 128),
        100: (16, 32, 64, 128, 128),
        300: (16, 32, 64, 128, 128, 128),
    }


def test_anchor_joined_inputs_get_the_wider_encoder():
    network = vae({**STAIN, **PLANES}).network
    assert network.encoders["encoder"].inputs == ("stain", "transcripts")
    assert network.encoders["encoder"].channels == 3
    assert network.encoders["encoder"].widths == (32, 64, 64, 128, 128)
    assert network.decoders["stain"].widths == (16, 32, 64, 128, 128)
    assert network.decoders["transcripts"].widths == (32, 64, 64, 64, 64)


def test_anchor_default_weights():
    objective = vae({**STAIN, **PLANES}).objective
    assert {name: term.weight for name, term in objective.items()} == {
        "stain_mse": 10.0,
        "transcripts_bce": 1.0,
        "kl": 1.0,
    }
    objective = vae(PLANES, **DICE).objective
    assert {name: term.weight for name, term in objective.items()} == {
        "transcripts_dice": 80.0,
        "transcripts_focal": 40.0,
        "kl": 1.0,
    }


def test_anchor_beta():
    assert vae(STAIN).objective["kl"].weight == 1.0
    assert beta_vae(STAIN).objective["kl"].weight == 4.0
    assert beta_vae(STAIN, beta=WarmUp(0, 2, 10)).objective["kl"].weight == WarmUp(0.0, 2.0, 10)


def test_property_options_reach_their_place():
    spec = vae(
        {**STAIN, **PLANES},
        **DICE,
        widths=(4, 5, 6),
        decoder_widths={"stain": (2, 3, 4)},
        weights={"transcripts_focal": 0.5},
        gene_weights=(1, 3),
        empty="skip",
        smooth=(0.0, 0.5),
        gamma=3.0,
        alpha=0.25,
        padding=0,
        upsample="nearest",
        totals=False,
        view={"name": "identity", "augment": "quarter"},
    )
    assert spec.network.encoders["encoder"].widths == spec.network.decoders["transcripts"].widths == (4, 5, 6)
    assert spec.network.decoders["stain"].widths == (2, 3, 4)
    assert {decoder.upsample for decoder in spec.network.decoders.values()} == {"nearest"}
    assert {spec.network.encoders["encoder"].padding, spec.network.decoders["stain"].padding} == {0}
    assert not any(part.totals for part in (*spec.network.encoders.values(), *spec.network.decoders.values()))
    dice, focal = spec.objective["transcripts_dice"], spec.objective["transcripts_focal"]
    assert dice.options == {"gene_weights": [1.0, 3.0], "empty": "skip", "smooth": [0.0, 0.5]}
    assert focal.options == {"gene_weights": [1.0, 3.0], "gamma": 3.0, "alpha": 0.25}
    assert focal.weight == 0.5
    assert spec.view == {"name": "identity", "augment": "quarter"}


@pytest.mark.parametrize(
    ("inputs", "options", "match"),
    [
        ({}, {}, "at least one input, got none"),
        (
            {**STAIN, "transcripts": InputSpec(("a",), 64, "planes")},
            {},
            r"one size, got \{'stain': 100, 'transcripts': 64\}",
        ),
        (STAIN, {"n_latent": 0}, "n_latent must be at least 1, got 0"),
        (STAIN, {"beta": -1}, "weight must be a finite number of at least 0, got -1"),
        (
            STAIN,
            {"reconstruction": {"stain": "dice_focal"}},
            "reconstruction of 'stain' must be one of 'mse', 'bce', got 'dice_focal'",
        ),
        (STAIN, {"reconstruction": {"nuclei": "mse"}}, "reconstruction: input must be one of 'stain', got 'nuclei'"),
        (STAIN, {"decoder_widths": {"nuclei": (3,)}}, "decoder_widths: input must be one of 'stain', got 'nuclei'"),
        (STAIN, {"decoder_widths": {"stain": ()}}, "widths must hold one number"),
        (STAIN, {"weights": {"stain_bce": 1.0}}, "weights: term must be one of 'stain_mse', 'kl', got 'stain_bce'"),
        (STAIN, {"gene_weights": "batch"}, "gene_weights need an input of planes"),
        (PLANES, {"gene_weights": "inverse"}, "gene_weights must be one of 'batch', got 'inverse'"),
        (PLANES, {"gene_weights": (1.0,)}, "'transcripts_bce' has 1 gene_weights for 2 genes"),
        (PLANES, {"gene_weights": (1.0, -1.0)}, "gene_weights must be a finite number of at least 0, got -1"),
        (PLANES, {**DICE, "alpha": 2.0}, "alpha must be between 0 and 1, got 2"),
        (PLANES, {**DICE, "gamma": -1.0}, "gamma must be a finite number of at least 0"),
        (PLANES, {**DICE, "smooth": (1.0, 0.0)}, "smooth must be two numbers, the second above 0"),
        (PLANES, {**DICE, "empty": "ignore"}, "must be one of 'count', 'skip', got 'ignore'"),
        (
            PLANES,
            {"empty": "skip", "alpha": 0.25},
            "'empty', 'alpha': only Dice and focal terms have that. Set reconstr",
        ),
        (STAIN, {"view": {"augment": "none"}}, "view must have a 'name'"),
    ],
)
def test_error(inputs, options, match):
    with pytest.raises(ValueError, match=match):
        vae(inputs, **options)


def test_error_double_decoder():
    with pytest.raises(ValueError, match="inputs must be two, got 'stain'. Use vae for one"):
        double_decoder_vae(STAIN)
