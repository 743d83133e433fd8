"""Fine-tuning above a cut equals that of the whole network; Adam with a factor for each layer."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from coursehelpers.models import blocks, build_backbone
from coursehelpers.training import Setting, compare
from coursehelpers.transfer import (
    Head,
    attach_head,
    extract_features,
    fine_tune,
    layerwise_adam,
    split_backbone,
)
from tests.tiny_backbone import FEATURES, tiny_backbone

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


# --- Adam with a factor and a start for each layer ----------------------------------------------

RATE = 0.01
# Keras's own saving, with a recent NumPy.
stores = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def network(*units):
    """Build dense layers that start from the same weights every time."""
    layers = [keras.layers.Dense(n, kernel_initializer=glorot(i)) for i, n in enumerate(units)]
    return keras.Sequential([keras.Input((3,)), *layers])


def glorot(seed):
    return keras.initializers.GlorotUniform(seed=seed)


def values(variables):
    return [variable.numpy() for variable in variables]


def gradients(variables, count, scale=1.0, seed=0):
    """Draw the gradients of some steps, none of them near zero."""
    rng = np.random.default_rng(seed)

    def draw(shape):
        return scale * rng.choice([-1, 1], shape) * rng.uniform(0.5, 1.5, shape)

    return [
        [keras.ops.convert_to_tensor(draw(v.shape), "float32") for v in variables]
        for _ in range(count)
    ]


def walk(optimizer, variables, steps):
    """Make steps and return the weights before the first and after each of them."""
    places = [values(variables)]
    for step in steps:
        optimizer.apply(step, variables)
        places.append(values(variables))
    return places


def moved(places):
    """Tell for each step which of the weights it moved, all of their numbers."""
    changes = [
        [after != before for before, after in zip(*pair, strict=True)] for pair in pairwise(places)
    ]
    # A weight is moved as a whole or not at all.
    assert all(change.all() == change.any() for row in changes for change in row)
    return [[bool(change.all()) for change in row] for row in changes]


def examples(n=24, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype("float32")
    return x, (x[:, :1] + 0.1 * rng.normal(size=(n, 1))).astype("float32")


def fitted(optimizer):
    """Train two layers in compiled steps and return their weights."""
    model = network(4, 1)
    model.compile(optimizer, "mse")
    model.fit(*examples(), epochs=2, batch_size=8, verbose=0, shuffle=False)
    return values(model.weights)


def equal(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


@pytest.mark.parametrize("options", [{}, {"factors": [1.0, 1.0], "starts": (0, 0)}])
def test_without_factors_and_starts_it_is_adam_to_the_last_bit(options):
    one, other = network(4, 1), network(4, 1)
    steps = gradients(one.weights, 6)
    mine = walk(layerwise_adam(RATE, **options), one.weights, steps)
    plain = walk(keras.optimizers.Adam(RATE), other.weights, steps)
    assert all(map(equal, mine, plain))
    mine = fitted(layerwise_adam(RATE, **options))
    assert equal(mine, fitted(keras.optimizers.Adam(RATE)))


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_layer_with_a_factor_learns_like_adam_with_that_rate(scale):
    factors, units = (0, 0.1, 1, 3), (4, 3, 2, 1)
    model = network(*units)
    steps = gradients(model.weights, 8, scale)
    mine = walk(layerwise_adam(RATE, factors=factors), model.weights, steps)[-1]
    for layer, factor in enumerate(factors):
        alone = network(*units)
        plain = walk(keras.optimizers.Adam(factor * RATE), alone.weights, steps)[-1]
        # Kernel and bias of a layer have its factor.
        for k in (2 * layer, 2 * layer + 1):
            np.testing.assert_allclose(mine[k], plain[k], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("starts", [(2, 0), (1, 1), (9, 3)])
def test_a_layer_moves_from_its_start_on_and_not_before(starts):
    model = network(4, 1)
    optimizer = layerwise_adam(RATE, starts=starts)
    places = walk(optimizer, model.weights, gradients(model.weights, 6))
    assert moved(places) == [
        [step >= start for start in starts for _ in ("kernel", "bias")] for step in range(6)
    ]


def test_first_steps_after_waiting_are_no_longer_than_others():
    model = network(4, 1)
    steps = gradients(model.weights, 1) * 6
    optimizer = layerwise_adam(RATE, factors=(0.5, 1), starts=(3, 0))
    places = walk(optimizer, model.weights, steps)
    for before, after in pairwise(places[3:]):
        for k, factor in enumerate((0.5, 0.5, 1, 1)):
            np.testing.assert_allclose(np.abs(after[k] - before[k]), factor * RATE, rtol=1e-3)


def test_only_layers_with_trainable_weights_count():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(2, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(5),
            layers.Dense(1),
        ]
    )
    model.layers[5].trainable = False
    variables = model.trainable_variables
    assert len(variables) == 6  # kernel and bias, scale and offset, kernel and bias
    optimizer = layerwise_adam(RATE, starts=(0, 1, 2))
    assert moved(walk(optimizer, variables, gradients(variables, 3))) == [
        [True, True, False, False, False, False],
        [True, True, True, True, False, False],
        [True] * 6,
    ]


def test_layers_of_nested_models_are_told_apart_even_if_their_names_are_the_same():
    def dense(x, units):
        return keras.layers.Dense(units, name="dense")(x)

    x = keras.Input((3,))
    inner = keras.Model(x, dense(x, 4))
    x = keras.Input((3,))
    model = keras.Model(x, dense(inner(x), 2))
    paths = [variable.path for variable in model.weights]
    assert paths == ["dense/kernel", "dense/bias"] * 2
    optimizer = layerwise_adam(RATE, factors=(0, 1))
    places = walk(optimizer, model.weights, gradients(model.weights, 1))
    assert moved(places) == [[False, False, True, True]]


def test_layers_keep_their_factors_when_one_is_frozen_on_the_way():
    model = network(4, 3, 1)
    variables = model.trainable_variables
    optimizer = layerwise_adam(RATE, factors=(1, 0.5, 0))
    walk(optimizer, variables, gradients(variables, 1))
    model.layers[0].trainable = False
    variables = model.trainable_variables
    assert len(variables) == 4
    steps = gradients(variables, 1)
    assert moved(walk(optimizer, variables, steps)) == [[True, True, False, False]]


def test_comparison_carries_nothing_from_seed_to_seed():
    def build():
        model = network(4, 1)
        # Of the six steps of a run, the last two move the first layer.
        model.compile(layerwise_adam(RATE, starts=(4, 0)), "mse")
        return model

    def runs(*seeds):
        return compare(
            {"late": Setting(build, pretrained=True)},
            lambda seed: (examples(seed=seed), None, examples(seed=9)),
            seeds=seeds,
            epochs=2,
            batch_size=8,
        ).frame

    together = runs(1, 2)
    for seed in (1, 2):
        mine = together[together["seed"] == seed].reset_index(drop=True)
        assert mine.to_numpy().tolist() == runs(seed).to_numpy().tolist()


@pytest.mark.parametrize(
    ("factors", "starts"),
    [
        (None, None),
        ((0, 0.5), (2, 0)),
        (np.array([0.1, 1]).astype("float32"), range(2, 0, -1)),
    ],
)
def test_config_builds_an_equal_optimizer(factors, starts):
    optimizer = layerwise_adam(RATE, factors=factors, starts=starts)
    config = optimizer.get_config()
    again = type(optimizer).from_config(config)
    assert again.get_config() == config
    serialized = keras.saving.serialize_keras_object(optimizer)
    stored = keras.saving.deserialize_keras_object(serialized)
    assert stored.get_config() == config
    for name, given in (("factors", factors), ("starts", starts)):
        kept = getattr(stored, name)
        assert kept is None if given is None else list(kept) == pytest.approx(list(given))
    one, other = network(4, 1), network(4, 1)
    steps = gradients(one.weights, 3)
    assert equal(walk(optimizer, one.weights, steps)[-1], walk(stored, other.weights, steps)[-1])


@stores
def test_stored_model_goes_on_where_it_was(tmp_path):
    model = network(4, 1)
    # Three steps an epoch: the first layer begins in the middle of the second.
    model.compile(layerwise_adam(RATE, factors=np.array([0.5, 1]), starts=range(4, 2, -1)), "mse")
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    before = values(model.weights)
    model.fit(*examples(), **options)
    assert equal(values(model.weights), before)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert int(again.optimizer.iterations) == 3
    for one in (model, again):
        one.fit(*examples(), **options)
    assert equal(values(again.weights), values(model.weights))
    assert not any(map(np.array_equal, values(again.weights), before))


@pytest.mark.parametrize("name", ["factors", "starts"])
@pytest.mark.parametrize("wrong", [[-0.5], (1, float("nan")), (), np.array([1, -2])])
def test_what_is_no_number_of_at_least_zero_is_refused(name, wrong):
    with pytest.raises(ValueError, match=f"^{name} must be numbers of at least 0") as refused:
        layerwise_adam(RATE, **{name: wrong})
    assert str(refused.value).endswith(f"got {wrong!r}.")


@pytest.mark.parametrize("name", ["factors", "starts"])
@pytest.mark.parametrize("wrong", [(1,), (1, 1, 1)])
def test_another_number_of_layers_is_refused(name, wrong):
    model = network(4, 1)
    told = f"^{name} must have a number for each of the 2 layers that learn, got {len(wrong)}"
    with pytest.raises(ValueError, match=told):
        layerwise_adam(RATE, **{name: wrong}).build(model.weights)


def test_a_frozen_layer_has_no_number():
    model = network(4, 1)
    model.layers[0].trainable = False
    model.compile(layerwise_adam(RATE, factors=(0.1, 1)), "mse")
    with pytest.raises(ValueError, match="each of the 1 layers that learn, got 2"):
        model.fit(*examples(), verbose=0)
    before = values(model.weights)
    model.compile(layerwise_adam(RATE, factors=(0.1,)), "mse")
    model.fit(*examples(), verbose=0)
    after = values(model.weights)
    assert equal(after[:2], before[:2])
    np.testing.assert_allclose(np.abs(after[2] - before[2]), 0.1 * RATE, rtol=0.01)
