"""Activations and gradients of models whose numbers are known in closed form."""

import numpy as np
import pytest

from coursehelpers.layer_statistics import activation_statistics, gradient_statistics

pytestmark = pytest.mark.heavy

KERNEL = np.array([[1.0, -2.0], [0.0, 0.0005], [2.0, -1.0]])
X = np.eye(3)


@pytest.fixture
def layers():
    from keras import layers

    return layers


def sequential(*parts):
    import keras

    return keras.Sequential([keras.Input((3,)), *parts], name="net")


def functional(*parts):
    import keras

    x = inputs = keras.Input((3,))
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x, name="net")


both = pytest.mark.parametrize("build", [sequential, functional])


@both
def test_activations_have_the_statistics_of_closed_form(build, layers):
    model = build(layers.Dense(2, use_bias=False, name="dense"), layers.ReLU(name="relu"))
    model.set_weights([KERNEL])
    table = activation_statistics(model, X)
    assert list(table.columns) == ["layer", "mean", "std", "share_zero"]
    # The rows of X pick those of the kernel.
    positive = np.maximum(KERNEL, 0)
    assert table.to_numpy().tolist() == [
        ["dense", pytest.approx(KERNEL.mean()), pytest.approx(KERNEL.std()), 1 / 6],
        ["relu", pytest.approx(positive.mean()), pytest.approx(positive.std()), 3 / 6],
    ]
    # A single layer is no special case.
    (row,) = activation_statistics(build(layers.Rescaling(2.0, name="double")), X).itertuples()
    assert (row.layer, row.mean) == ("double", pytest.approx(2 / 3))


@both
def test_layers_are_in_inference_mode_and_stay_as_they_are(build, layers):
    model = build(layers.Dropout(0.5), layers.BatchNormalization(epsilon=0))
    config, before = model.get_config(), model.get_weights()
    table = activation_statistics(model, X)
    # Neither is anything dropped, nor normalized by the batch.
    assert table[["mean", "std"]].to_numpy() == pytest.approx(np.array([[X.mean(), X.std()]] * 2))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.get_config() == config


@both
def test_gradients_have_the_statistics_of_closed_form(build, layers):
    import keras

    penalty = keras.regularizers.L2(0.5)
    model = build(layers.Dropout(0.9), layers.Dense(2, name="dense", kernel_regularizer=penalty))
    model.layers[-1].set_weights([KERNEL, np.array([3.0, -4.0])])
    model.compile("sgd", "mse")
    before = model.get_weights()
    x, y = np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]]), np.array([[1.0, 0.0], [2.0, 1.0]])
    residual = x @ KERNEL + [3.0, -4.0] - y  # nothing is dropped
    # The mean over the four outputs, and l2 * sum w^2.
    expected = {"dense/kernel": x.T @ residual / 2 + KERNEL, "dense/bias": residual.sum(axis=0) / 2}
    table = gradient_statistics(model, x, y).set_index("layer")
    assert table.index.tolist() == list(expected)
    for name, gradient in expected.items():
        row = table.loc[name]
        assert row["mean_abs"] == pytest.approx(np.abs(gradient).mean(), rel=1e-4)
        assert row["std"] == pytest.approx(gradient.std(), rel=1e-4)
        assert row["norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_gradients_need_a_loss(layers):
    with pytest.raises(ValueError, match=r"net is not compiled, so it has no loss"):
        gradient_statistics(sequential(layers.Dense(2)), X, np.ones((3, 2)))
