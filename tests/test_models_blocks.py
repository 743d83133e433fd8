"""Blocks of backbones, and that exactly those learn that should."""

import numpy as np
import pytest

from coursehelpers.models import blocks, build_backbone, build_mlp, freeze

SMALL = {"input_shape": (64, 64, 3), "weights": None, "pooling": "avg"}


@pytest.fixture(scope="module")
def backbone():
    return build_backbone(**SMALL)


def kernels(model):
    """Return which layers learn, by name; a kernel each, because all normalization is frozen."""
    return [weight.path.split("/")[-2] for weight in model.trainable_weights]


@pytest.mark.parametrize(
    ("name", "first", "last", "count"),
    [
        ("efficientnet_lite0", "stem", "top", 18),
        ("vgg16", "block1", "block5", 5),
        ("mobilenet", "stem", "block_13", 14),
        ("mobilenet_v2", "stem", "top", 19),
        ("mobilenet_v3_small", "stem", "top", 13),
        ("resnet50", "stem", "conv5_block3", 17),
        ("resnet50_v2", "stem", "conv5_block3", 17),
        ("densenet121", "stem", "conv5_block16", 59),
        ("efficientnet_b0", "stem", "top", 18),
        ("xception", "block1", "block14", 14),
    ],
)
def test_blocks_are_those_of_the_papers(name, first, last, count):
    model = build_backbone(name, **{**SMALL, "input_shape": (96, 96, 3)})
    found = blocks(model)
    names = list(found)
    assert (names[0], names[-1], len(names)) == (first, last, count)
    # Every layer with weights is in one block, in the order of the model.
    inside = [layer.name for layers in found.values() for layer in layers]
    assert len(set(inside)) == len(inside)
    outside = {layer.name for layer in model.layers} - set(inside)
    assert not any(model.get_layer(layer).trainable_weights for layer in outside)


def test_layers_of_a_block_are_in_the_order_of_computation(backbone):
    assert [layer.name for layer in blocks(backbone)["block2b"]] == [
        "block2b_expand_conv",
        "block2b_expand_bn",
        "block2b_expand_activation",
        "block2b_dwconv",
        "block2b_bn",
        "block2b_activation",
        "block2b_project_conv",
        "block2b_project_bn",
        "block2b_add",
    ]


def test_last_layers_of_vgg16_are_its_top():
    # With all the weights of its last layers it would take half a gigabyte.
    import keras

    model = build_backbone("vgg16", **{**SMALL, "input_shape": (32, 32, 3)})
    top = keras.layers.Dense(4, name="fc1")(model.output)
    found = blocks(keras.Model(model.input, top))
    assert list(found) == ["block1", "block2", "block3", "block4", "block5", "top"]
    assert [layer.name for layer in found["top"]][-1:] == ["fc1"]


@pytest.mark.parametrize(
    ("keep_last", "names", "layers"),
    [
        (0, [], []),
        (1, ["top"], ["top_conv"]),
        (
            2,
            ["block7a", "top"],
            ["block7a_expand_conv", "block7a_dwconv", "block7a_project_conv", "top_conv"],
        ),
    ],
)
def test_exactly_the_last_blocks_learn(backbone, keep_last, names, layers):
    assert freeze(backbone, keep_last=keep_last) == names
    assert kernels(backbone) == layers


def test_all_blocks_may_learn_except_normalization(backbone):
    assert freeze(backbone, keep_last=18) == list(blocks(backbone))
    # Sixteen blocks of three convolutions, one of them without expansion, the stem and the top.
    assert len(backbone.trainable_weights) == 16 * 3 - 1 + 2
    assert not any("bn" in name for name in kernels(backbone))


def test_freezing_again_forgets_what_was_before(backbone):
    freeze(backbone, keep_last=5)
    freeze(backbone)
    assert backbone.trainable_weights == []
    freeze(backbone, keep_last=1)
    assert kernels(backbone) == ["top_conv"]


@pytest.mark.parametrize("keep_last", [-1, 19])
def test_other_numbers_of_blocks_are_refused(backbone, keep_last):
    with pytest.raises(
        ValueError, match=f"between 0 and 18, the number of blocks.* got {keep_last}"
    ):
        freeze(backbone, keep_last=keep_last)


def test_frozen_weights_and_statistics_stand_still_in_training():
    import keras

    backbone = build_backbone(**{**SMALL, "weights": "imagenet"})
    freeze(backbone, keep_last=2)
    image = keras.Input((64, 64, 3))
    probability = keras.layers.Dense(1, "sigmoid")(backbone(image))
    model = keras.Model(image, probability)
    model.compile("sgd", "binary_crossentropy")
    before = {weight.path: weight.numpy() for weight in backbone.weights}
    rng = np.random.default_rng(0)
    model.fit(rng.integers(0, 256, (8, 64, 64, 3)), np.arange(8) % 2, verbose=0)
    moved = {
        w.path.split("/")[-2]
        for w in backbone.weights
        if not np.array_equal(before[w.path], w.numpy())
    }
    assert moved == {"block7a_expand_conv", "block7a_dwconv", "block7a_project_conv", "top_conv"}


def test_networks_without_blocks_are_refused_but_for_freezing_all():
    model = build_mlp((4,))
    for refused in (blocks, lambda model: freeze(model, keep_last=1)):
        with pytest.raises(ValueError, match=r"not named by blocks.*layer\.trainable"):
            refused(model)
    assert freeze(model) == []
    assert model.trainable_weights == []
