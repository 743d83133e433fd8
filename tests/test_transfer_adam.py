"""Adam with a factor and a start for each layer: its steps, its layers, in training and stored."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from coursehelpers.training import Setting, compare
from coursehelpers.transfer import layerwise_adam

pytestmark = pytest.mark.heavy

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
