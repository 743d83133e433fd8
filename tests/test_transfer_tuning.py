"""Fine-tuning above a cut gives what fine-tuning of the whole network gives."""

import keras
import numpy as np
import pytest

from coursehelpers.models import blocks, build_backbone
from coursehelpers.transfer import Head, attach_head, extract_features, fine_tune, split_backbone
from tests.tiny_backbone import FEATURES, tiny_backbone

pytestmark = pytest.mark.heavy

RNG = np.random.default_rng(0)
Y = np.arange(24) % 2
IMAGES = (RNG.integers(0, 156, (24, 32, 32, 3)) + 99 * Y[:, None, None, None]).astype(np.uint8)


def new_head(features=FEATURES, seed=0):
    kernel = np.random.default_rng(seed).normal(size=(features, 2)).astype("float32")
    return Head(kernel, np.zeros(2, "float32"), 1.0, {})


def by_path(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def changed(before, model):
    return {
        path for path, value in by_path(model).items() if not np.array_equal(before[path], value)
    }


# --- The cut ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keep_last"),
    # Plain, and with a normalization between residuals and the cut.
    [("vgg16", 1), ("resnet50_v2", 2)],
)
def test_parts_compute_what_the_whole_computes(name, keep_last):
    backbone = build_backbone(name, weights=None, input_shape=(32, 32, 3), pooling="avg", seed=0)
    expected = np.asarray(backbone(IMAGES[:2], training=False))
    lower, upper = split_backbone(backbone, keep_last=keep_last)
    computed = upper(lower(IMAGES[:2], training=False), training=False)
    np.testing.assert_allclose(np.asarray(computed), expected, rtol=1e-5)
    assert lower.trainable_weights == []
    found = blocks(backbone)
    kept = {layer.name for block in list(found)[-keep_last:] for layer in found[block]}
    below = {layer.name for block in list(found)[:-keep_last] for layer in found[block]}
    assert kept <= {layer.name for layer in upper.layers}
    assert below <= {layer.name for layer in lower.layers}
    assert not below & {layer.name for layer in upper.layers}


def test_parts_share_the_layers_of_the_backbone_and_normalization_is_frozen():
    for keep_last in (1, 2, 3, 4):
        backbone = tiny_backbone(32)
        lower, upper = split_backbone(backbone, keep_last=keep_last)
        assert upper.input_shape == lower.output_shape == (None, 8, 8, FEATURES)
        for part in (lower, upper):
            for layer in part.layers[1:]:
                assert layer is backbone.get_layer(layer.name)
        learning = [weight.path for weight in upper.trainable_weights]
        assert learning == [f"block{n}a_conv/kernel" for n in range(5 - keep_last, 5)]
        assert learning == [weight.path for weight in backbone.trainable_weights]


@pytest.mark.parametrize("keep_last", [0, -1, 5, True, 1.5, None])
def test_other_numbers_of_blocks_are_refused(keep_last):
    backbone = tiny_backbone(32)
    says = f"between 1 and 4, so that some of the 5 blocks of tiny learn.*, got {keep_last}"
    with pytest.raises(ValueError, match=says):
        split_backbone(backbone, keep_last=keep_last)
    # What was refused has changed nothing.
    assert len(backbone.trainable_weights) == 2 + 2 + 4 * 3


def test_cut_through_several_maps_is_refused():
    x = image = keras.Input((8, 8, 3))
    x = first = keras.layers.Conv2D(3, 1, name="block1_conv")(x)
    x = keras.layers.Conv2D(3, 1, name="block2_conv")(x)
    x = keras.layers.Conv2D(3, 1, name="block3_conv")(x)
    model = keras.Model(image, keras.layers.Add(name="add")([x, first]))
    with pytest.raises(ValueError, match=r"cut before block3_conv, because 2 feature maps cross"):
        split_backbone(model, keep_last=1)
    lower, _ = split_backbone(model, keep_last=2)
    assert lower.layers[-1].name == "block1_conv"


# --- Training above it --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tiny", "efficientnet_lite0"])
def test_training_above_the_cut_equals_training_the_whole(kind):
    """Three steps of momentum; Adam would divide rounding by rounding where a slope is zero."""

    def network():
        if kind == "tiny":
            return tiny_backbone(32)
        return build_backbone(input_shape=(32, 32, 3), pooling="avg")

    whole, halves = network(), network()
    split_backbone(whole, keep_last=2)
    lower, upper = split_backbone(halves, keep_last=2)
    head = new_head(whole.output_shape[1])
    models = attach_head(whole, head), attach_head(upper, head)
    inputs = IMAGES, extract_features(lower, IMAGES, cache=False)
    before = by_path(halves)
    for model, x in zip(models, inputs, strict=True):
        model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), "sparse_categorical_crossentropy")
        model.fit(x, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    trained = {weight.path for weight in upper.trainable_weights}
    assert changed(before, halves) == trained
    for one, other in zip(whole.weights, halves.weights, strict=True):
        step = np.abs(other.numpy() - before[other.path]).max()
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-3 * step, rtol=1e-6)
    for one, other in zip(
        *(model.get_layer("head").get_weights() for model in models), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.fixture
def parts():
    backbone = tiny_backbone(32)
    lower, upper = split_backbone(backbone, keep_last=2)
    activations = extract_features(lower, IMAGES, cache=False)
    return backbone, upper, activations


def cross_entropy(model, x, y):
    p = np.asarray(model(x, training=False))
    return -np.log(p[np.arange(len(y)), y]).mean()


def test_fine_tuning_moves_the_upper_part_alone_and_keeps_the_best_epoch(parts):
    backbone, upper, activations = parts
    before, head = by_path(backbone), new_head()
    tuned, losses = fine_tune(
        upper,
        head,
        activations[:16],
        Y[:16],
        validation=(activations[16:], Y[16:]),
        epochs=4,
        learning_rate=0.01,
        batch_size=6,
    )
    assert len(losses) == 5
    assert min(losses) < losses[0]
    assert changed(before, backbone) == {weight.path for weight in upper.trainable_weights}
    assert not np.array_equal(tuned.kernel, head.kernel)
    # The whole network with the new head is the best epoch.
    model = attach_head(backbone, tuned)
    assert cross_entropy(model, IMAGES[16:], Y[16:]) == pytest.approx(min(losses), rel=1e-4)


def test_epoch_zero_is_the_head_and_is_kept_if_nothing_is_better(parts):
    backbone, upper, activations = parts
    before, head = by_path(backbone), new_head()
    expected = cross_entropy(attach_head(backbone, head), IMAGES, 1 - Y)
    # What is learned is wrong on the validation data.
    tuned, losses = fine_tune(
        upper, head, activations, Y, validation=(activations, 1 - Y), epochs=2, learning_rate=0.01
    )
    first, *others = losses
    assert first == pytest.approx(expected, rel=1e-4)
    if min(others) > first:
        assert changed(before, backbone) == set()
        np.testing.assert_array_equal(tuned.kernel, head.kernel)
    assert cross_entropy(attach_head(backbone, tuned), IMAGES, 1 - Y) == pytest.approx(
        min(losses), rel=1e-4
    )


def test_fine_tuning_repeats_by_seed():
    kernels = []
    for seed in (0, 0, 1):
        lower, upper = split_backbone(tiny_backbone(32), keep_last=1)
        x = extract_features(lower, IMAGES, cache=False)
        options = {"validation": (x, Y), "epochs": 1, "learning_rate": 0.01, "batch_size": 8}
        head, _ = fine_tune(upper, new_head(), x, Y, seed=seed, **options)
        kernels.append(head.kernel)
    np.testing.assert_allclose(kernels[0], kernels[1], rtol=1e-5)
    assert not np.allclose(kernels[0], kernels[2], rtol=1e-5)


def test_bar_counts_the_steps(parts, bars):
    _, upper, x = parts
    fine_tune(upper, new_head(), x, Y, validation=(x, Y), epochs=3, batch_size=10)
    steps = next(bar for bar in bars if bar.desc == "fine-tuning")
    assert (steps.n, steps.total) == (9, 9)
    assert all(bar.closed for bar in bars)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate must be a positive number, got 0"),
        ({"seed": -1}, "seed"),
        (
            {"activations": IMAGES},
            r"activations must have the shape \(n, 8, 8, 8\) that tiny_upper",
        ),
        ({"y": Y[:5]}, r"got \(24, 8, 8, 8\) and 5"),
        ({"y": Y * 1.0}, "integers from 0 to 1, got float64"),
        ({"y": Y + 1}, "got int64 from 1 to 2"),
        ({"validation": (IMAGES, Y)}, r"validation must have the shape"),
        ({"validation": (np.zeros((0, 8, 8, 8)), Y[:0])}, "validation must have the shape"),
    ],
)
def test_other_options_are_refused(parts, options, says):
    _, upper, x = parts
    given = {"activations": x, "y": Y, "validation": (x, Y)} | options
    with pytest.raises(ValueError, match=says):
        fine_tune(upper, new_head(), **given)
