"""The networks that the lessons train: their size, outputs, penalty and seeds."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.augment import build_augmenter
from coursehelpers.models import build_cnn, build_mlp

# Building a model takes tens of milliseconds.
properties = settings(derandomize=True, deadline=None, max_examples=8)
units = st.lists(st.integers(1, 20), max_size=3)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
classes = st.integers(2, 12)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((7, 28, 28)).astype("float32")


@pytest.fixture
def photos():
    return np.random.default_rng(0).random((4, 32, 32, 3)).astype("float32")


def dense_layers(model):
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def weights_differ(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    # Biases start at zero, whatever the seed.
    return [not np.array_equal(a, b) for a, b in pairs if a.ndim == 2]


@properties
@given(hidden=units, input_shape=shapes, classes=classes)
def test_mlp_has_a_weight_per_pair_of_units_and_a_bias_per_unit(hidden, input_shape, classes):
    model = build_mlp(hidden, input_shape=input_shape, classes=classes)
    widths = [int(np.prod(input_shape)), *hidden, classes]
    expected = sum((before + 1) * after for before, after in pairwise(widths))
    assert model.count_params() == expected
    assert all(weight.trainable for weight in model.weights)
    assert model.input_shape == (None, *input_shape)
    assert model.output_shape == (None, classes)


def test_default_mlp_is_the_one_of_the_lessons():
    # 784 pixels, two hidden layers of 512, ten classes.
    assert build_mlp().count_params() == 785 * 512 + 513 * 512 + 513 * 10


@properties
@given(hidden=units, input_shape=shapes, classes=classes, seed=st.integers(0, 2**32 - 1))
def test_mlp_gives_a_probability_per_class(hidden, input_shape, classes, seed):
    model = build_mlp(hidden, input_shape=input_shape, classes=classes, seed=seed)
    x = np.random.default_rng(seed).random((3, *input_shape)).astype("float32")
    probabilities = np.asarray(model(x))
    assert probabilities.shape == (3, classes)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_mlp_computes_what_its_weights_say(images):
    model = build_mlp((6, 5), activation="relu", seed=0)
    (w1, b1), (w2, b2), (w3, b3) = (layer.get_weights() for layer in dense_layers(model))
    h = np.maximum(images.reshape(7, 784) @ w1 + b1, 0)
    logits = np.maximum(h @ w2 + b2, 0) @ w3 + b3
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=1e-4)


def test_mlp_without_hidden_layers_is_softmax_regression(images):
    model = build_mlp(())
    assert model.count_params() == 785 * 10
    ((w, b),) = (layer.get_weights() for layer in dense_layers(model))
    logits = images.reshape(7, 784) @ w + b
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=1e-4)


def test_activation_is_the_one_of_the_hidden_layers():
    layers = dense_layers(build_mlp((6, 5), activation="tanh"))
    assert [layer.activation.__name__ for layer in layers] == ["tanh", "tanh", "softmax"]


def test_mlp_is_compiled_with_adam_or_a_new_optimizer_of_its_own():
    import keras

    assert type(build_mlp((4,)).optimizer) is keras.optimizers.Adam
    sgd = partial(keras.optimizers.SGD, 0.05)
    first, second = (build_mlp((4,), optimizer=sgd).optimizer for _ in range(2))
    assert type(first) is keras.optimizers.SGD
    assert float(first.learning_rate) == pytest.approx(0.05)
    assert first is not second


@pytest.mark.parametrize("kind", ["Adam", "an object"])
def test_optimizer_that_is_not_made_anew_is_refused(kind):
    import keras

    optimizer = "adam" if kind == "Adam" else keras.optimizers.Adam()
    with pytest.raises(TypeError, match="must be a function that returns a new optimizer"):
        build_mlp((4,), optimizer=optimizer)


# --- What regularizes -----------------------------------------------------------------------------


def test_dropout_follows_every_hidden_layer_and_noise_comes_first():
    model = build_mlp((6, 5), dropout=0.25, input_noise=0.5)
    kinds = [type(layer).__name__ for layer in model.layers]
    hidden = ["Dense", "Dropout"] * 2
    assert kinds == ["Flatten", "GaussianNoise", *hidden, "Dense"]
    assert [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"] == [0.25] * 2
    assert model.layers[1].stddev == 0.5


def test_activity_regularizer_is_on_the_hidden_layers_only():
    import keras

    penalty = keras.regularizers.L1(0.1)
    layers = dense_layers(build_mlp((6, 5), activity_regularizer=penalty))
    assert [layer.activity_regularizer is not None for layer in layers] == [True, True, False]


def test_smoothed_loss_is_that_of_keras_for_one_hot_labels(images):
    import keras

    labels = np.array([0, 1, 2, 3, 4, 5, 9])
    model = build_mlp((4,), label_smoothing=0.3, seed=0)
    measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)
    expected = float(loss(np.eye(10)[labels], np.asarray(model(images))))
    assert measured["loss"] == pytest.approx(expected, rel=1e-5)
    right = np.asarray(model(images)).argmax(axis=1) == labels
    assert measured["accuracy"] == pytest.approx(right.mean())


def test_further_arguments_reach_all_dense_layers():
    import keras

    constraint = keras.constraints.NonNeg()
    model = build_mlp((6, 5), kernel_constraint=constraint, bias_initializer="ones")
    for layer in dense_layers(model):
        assert layer.kernel_constraint is constraint
        assert (layer.get_weights()[1] == 1).all()


def test_mlp_measures_cross_entropy_and_accuracy(images):
    labels = np.array([0, 1, 2, 3, 4, 5, 9])
    model = build_mlp((4,), seed=0)
    measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    probabilities = np.asarray(model(images))
    assert measured == pytest.approx(
        {
            "loss": -np.log(probabilities[np.arange(7), labels]).mean(),
            "accuracy": (probabilities.argmax(axis=1) == labels).mean(),
        },
        rel=1e-4,
    )


@pytest.mark.parametrize("seed", [0, 7])
def test_equal_seeds_give_equal_weights_and_others_other_weights(seed):
    first, again, other = (build_mlp((6, 5), seed=s) for s in (seed, seed, seed + 1))
    assert not any(weights_differ(first, again))
    assert all(weights_differ(first, other))


def test_without_a_seed_the_weights_go_on_with_the_random_state():
    import keras

    keras.utils.set_random_seed(7)
    first, second = build_mlp((6,)), build_mlp((6,))
    assert all(weights_differ(first, second))
    assert not any(weights_differ(first, build_mlp((6,), seed=7)))


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
def test_penalty_is_on_all_kernels_and_on_no_bias(hidden):
    import keras

    model = build_mlp(hidden, kernel_regularizer=keras.regularizers.L2(0.3), seed=0)
    for layer in dense_layers(model):
        # Biases start at zero, where a penalty on them would not show.
        layer.bias.assign(np.full(layer.bias.shape, 10.0))
    squares = sum(
        (layer.get_weights()[0].astype(float) ** 2).sum() for layer in dense_layers(model)
    )
    assert float(sum(model.losses)) == pytest.approx(0.3 * squares, rel=1e-5)


def test_penalty_may_be_named_and_is_none_by_default():
    assert len(build_mlp((6,), kernel_regularizer="l1").losses) == 2
    assert build_mlp((6,)).losses == []


def test_mlp_learns():
    import keras

    rng = np.random.default_rng(0)
    x = rng.random((60, 2, 2))
    y = (x[:, 0, 0] > 0.5).astype(int)
    adam = partial(keras.optimizers.Adam, 0.1)
    model = build_mlp((8,), input_shape=(2, 2), classes=2, optimizer=adam, seed=0)
    history = model.fit(x, y, epochs=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["accuracy"][-1] > 0.9


# --- The convolutional network --------------------------------------------------------------------


@properties
@given(
    filters=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    sides=st.tuples(st.integers(8, 12), st.integers(8, 12)),
    channels=st.sampled_from([1, 3]),
    classes=st.integers(2, 4),
)
def test_cnn_has_a_weight_per_tap_and_halves_the_image_after_each_convolution(
    filters, sides, channels, classes
):
    model = build_cnn(filters, input_shape=(*sides, channels), classes=classes)
    depths = [channels, *filters]
    convolutions = sum((9 * before + 1) * after for before, after in pairwise(depths))
    left = np.prod([side // 2 ** len(filters) for side in sides]) * filters[-1]
    assert model.count_params() == convolutions + (left + 1) * classes
    assert model.output_shape == (None, classes)


def test_cnn_gives_probabilities_and_is_measured_on_one_hot_labels(photos):
    import keras

    model = build_cnn(seed=3)
    probabilities = np.asarray(model(photos))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    labels = np.array([0, 1, 1, 0])
    scores = model.evaluate(photos, keras.utils.to_categorical(labels), verbose=0, return_dict=True)
    loss = -np.log(probabilities[range(4), labels]).mean()
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    assert scores == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-4)


def test_cnn_drops_features_before_the_last_layer_only_when_told():
    kinds = [
        [type(layer).__name__ for layer in build_cnn((4,), dropout=p).layers] for p in (0, 0.5)
    ]
    assert kinds[0] == ["Conv2D", "MaxPooling2D", "Flatten", "Dense"]
    assert kinds[1] == ["Conv2D", "MaxPooling2D", "Flatten", "Dropout", "Dense"]


def test_cnn_augments_in_training_only_and_with_a_layer_of_its_own(photos):
    flip = partial(build_augmenter, flip=True, noise=0.1, seed=0)
    plain, first, second = build_cnn(seed=1), *(build_cnn(augmenter=flip, seed=1) for _ in range(2))
    assert first.layers[0] is not second.layers[0]
    np.testing.assert_allclose(first(photos, training=False), plain(photos), rtol=1e-5)
    assert np.abs(first(photos, training=True) - plain(photos, training=True)).max() > 1e-4


def test_equal_seeds_give_equal_cnns():
    one, same, other = (build_cnn((4,), seed=seed).get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_cnn_is_compiled_with_a_new_optimizer(photos):
    import keras

    assert float(build_cnn((4,)).optimizer.learning_rate) == pytest.approx(0.002)
    sgd = build_cnn((4,), optimizer=partial(keras.optimizers.SGD, 0.1)).optimizer
    assert type(sgd) is keras.optimizers.SGD
    with pytest.raises(TypeError, match="optimizer must be a function that returns a new"):
        build_cnn((4,), optimizer=sgd)


@pytest.mark.parametrize("kind", ["a layer", "a name"])
def test_augmenter_that_is_not_made_anew_is_refused(kind):
    augmenter = build_augmenter(flip=True) if kind == "a layer" else "flip"
    with pytest.raises(
        TypeError, match="augmenter must be a function that returns a new augmenter"
    ):
        build_cnn((4,), augmenter=augmenter)


def test_cnn_learns_which_photos_are_bright():
    import keras

    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=64)
    x = (0.4 * rng.random((64, 32, 32, 3)) + 0.5 * labels[:, None, None, None]).astype("float32")
    model = build_cnn((4, 4), seed=0)
    model.fit(x, keras.utils.to_categorical(labels), epochs=10, batch_size=16, verbose=0)
    assert model.evaluate(x, keras.utils.to_categorical(labels), verbose=0)[1] > 0.95
