"""Weights, activations and gradients of models whose numbers are known in closed form."""

import numpy as np
import pytest

from coursehelpers.layer_statistics import (
    activation_statistics,
    gradient_statistics,
    weight_statistics,
)

KERNEL = np.array([[1.0, -2.0], [0.0, 0.0005], [2.0, -1.0]])


@pytest.fixture
def layers():
    from keras import layers

    return layers


def sequential(*parts, name="net", shape=(3,)):
    import keras

    return keras.Sequential([keras.Input(shape), *parts], name=name)


def functional(*parts, name="net", shape=(3,)):
    import keras

    x = inputs = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x, name=name)


both = pytest.mark.parametrize("build", [sequential, functional])


def names(table):
    return table["layer"].tolist()


# --- weight_statistics --------------------------------------------------------------------------


@both
def test_weights_have_the_statistics_of_closed_form(build, layers):
    model = build(layers.Dense(2, name="dense"))
    model.layers[-1].set_weights([KERNEL, np.array([3.0, -4.0])])
    table = weight_statistics(model).set_index("layer")
    assert table.index.tolist() == ["dense/kernel", "dense/bias"]
    kernel, bias = table.to_dict("records")
    assert kernel == {
        "shape": (3, 2),
        "size": 6,
        "mean": pytest.approx(0.0005 / 6),
        "std": pytest.approx(KERNEL.std()),
        "mean_abs": pytest.approx(6.0005 / 6),
        "norm": pytest.approx(np.sqrt(10), rel=1e-6),
        # 0 and 0.0005.
        "share_near_zero": pytest.approx(2 / 6),
    }
    assert bias == {
        "shape": (2,),
        "size": 2,
        "mean": -0.5,
        "std": 3.5,
        "mean_abs": 3.5,
        "norm": 5,
        "share_near_zero": 0,
    }


@pytest.mark.parametrize(("near_zero", "share"), [(0, 1 / 6), (1, 4 / 6), (5, 1)])
def test_near_zero_is_what_is_at_most_that_far_away(near_zero, share, layers):
    model = sequential(layers.Dense(2, use_bias=False))
    model.set_weights([KERNEL])
    assert weight_statistics(model, near_zero)["share_near_zero"].tolist() == [pytest.approx(share)]


def test_initial_weights_have_the_spread_of_their_initializer(layers):
    import keras

    glorot = keras.initializers.GlorotUniform(seed=0)
    model = sequential(layers.Dense(400, kernel_initializer=glorot), shape=(600,))
    kernel, bias = weight_statistics(model).to_dict("records")
    # Uniform up to sqrt(6 / (600 + 400)).
    assert kernel["std"] == pytest.approx(np.sqrt(2 / 1_000), rel=0.01)
    assert kernel["norm"] == pytest.approx(np.sqrt(240_000 * 2 / 1_000), rel=0.01)
    assert bias["share_near_zero"] == 1


def test_weights_that_are_not_trained_and_those_of_nested_models_count(layers):
    inner = sequential(layers.Dense(4, name="hidden"), name="inner")
    frozen = layers.Dense(2, name="top")
    frozen.trainable = False
    model = sequential(inner, layers.BatchNormalization(name="norm"), layers.Dropout(0.5), frozen)
    table = weight_statistics(model)
    assert names(table) == [
        "inner/hidden/kernel",
        "inner/hidden/bias",
        "norm/gamma",
        "norm/beta",
        "norm/moving_mean",
        "norm/moving_variance",
        "top/kernel",
        "top/bias",
    ]
    assert table["size"].sum() == model.count_params()


def test_equal_paths_are_numbered(layers):
    # The weights of a nested functional model do not carry its name.
    blocks = [functional(layers.Dense(3, name="hidden"), name=name) for name in ("one", "two")]
    table = weight_statistics(functional(*blocks))
    paths = ["hidden/kernel", "hidden/bias"]
    assert names(table) == paths + [f"{path} (2)" for path in paths]


def test_weights_of_a_subclassed_model_are_found_once_it_is_built(layers):
    import keras

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__(name="sub")
            self.dense = layers.Dense(2, name="dense")

        def call(self, x):
            return self.dense(x)

    model = Subclassed()
    with pytest.raises(ValueError, match="sub has no weights yet; call it once"):
        weight_statistics(model)
    model(np.zeros((1, 3)))
    assert names(weight_statistics(model)) == ["dense/kernel", "dense/bias"]


def test_a_model_without_weights_has_an_empty_table(layers):
    assert weight_statistics(sequential(layers.Flatten())).empty


# --- activation_statistics ----------------------------------------------------------------------

X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


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


def test_dead_units_show(layers):
    model = sequential(layers.Dense(4, activation="relu", bias_initializer="ones"))
    kernel, bias = model.get_weights()
    model.set_weights([0 * kernel, bias * [1, 1, 1, -1]])
    assert activation_statistics(model, X)["share_zero"].tolist() == [0.25]


@both
def test_layers_are_in_inference_mode(build, layers):
    model = build(layers.Dropout(0.5), layers.BatchNormalization(epsilon=0))
    before = model.get_weights()
    table = activation_statistics(model, X)
    # Neither is anything dropped, nor normalized by the batch.
    assert table[["mean", "std"]].to_numpy() == pytest.approx(np.array([[X.mean(), X.std()]] * 2))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@both
@pytest.mark.parametrize("nested", [sequential, functional])
def test_a_nested_model_is_one_layer(build, nested, layers):
    def dense(name):
        return layers.Dense(3, kernel_initializer="ones", name=name)

    block = nested(dense("first"), dense("second"), name="block")
    model = build(dense("below"), block, dense("above"))
    table = activation_statistics(model, X)
    assert names(table) == ["below", "block", "above"]
    assert table["mean"].tolist() == [1, 9, 27]
    # What lies inside is a model as well.
    assert names(activation_statistics(block, X)) == ["first", "second"]


@both
def test_the_model_stays_as_it_is(build, layers):
    block = functional(layers.Dense(3, name="inside"), name="block")
    model = build(block, layers.Dense(1, name="above"))
    model.compile("sgd", "mse")
    config, outputs, weights = model.get_config(), model(X), model.get_weights()
    first = activation_statistics(model, X)
    again = activation_statistics(model, X[:2])
    assert names(first) == names(again)
    assert model.get_config() == config
    np.testing.assert_array_equal(model(X), outputs)
    model.fit(X, np.ones((3, 1)), verbose=0)
    assert all((old != new).any() for old, new in zip(weights, model.get_weights(), strict=True))


def test_a_layer_with_several_outputs_has_a_row_for_each(layers):
    import keras

    inputs = keras.Input((5, 2))
    output, *state = layers.LSTM(3, return_state=True, name="lstm")(inputs)
    model = keras.Model(inputs, [layers.Dense(1, name="dense")(output), *state])
    table = activation_statistics(model, np.ones((4, 5, 2)))
    assert names(table) == ["lstm[0]", "lstm[1]", "lstm[2]", "dense"]
    # The output is the hidden state.
    assert table["mean"][0] == table["mean"][1] != table["mean"][2]


def test_a_shared_layer_has_a_row_for_each_call(layers):
    import keras

    shared = layers.Rescaling(2.0, name="double")
    inputs = keras.Input((3,))
    # Adding is an operation and no layer.
    model = keras.Model(inputs, shared(shared(inputs)) + 1.0)
    table = activation_statistics(model, X)
    doubled = table[table["layer"].str.startswith("double")]
    assert names(doubled) == ["double", "double (2)"]
    assert doubled["mean"].tolist() == pytest.approx([2 / 3, 4 / 3])


def test_inputs_may_be_several_or_named(layers):
    import keras

    inputs = {"right": keras.Input((1,), name="right"), "left": keras.Input((2,), name="left")}
    merged = layers.Concatenate(name="merged")([inputs["left"], inputs["right"]])
    x = {"right": np.full((4, 1), 6.0), "left": np.zeros((4, 2))}
    by_name = activation_statistics(keras.Model(inputs, merged), x)
    assert by_name.to_numpy().tolist() == [["merged", 2, pytest.approx(np.sqrt(8)), 2 / 3]]
    in_order = keras.Model([inputs["left"], inputs["right"]], merged)
    assert activation_statistics(in_order, [x["left"], x["right"]]).equals(by_name)


def test_a_sequential_model_may_get_its_shape_from_the_first_batch(layers):
    import keras

    model = keras.Sequential([layers.Dense(2, name="dense")], name="late")
    with pytest.raises(TypeError, match=r"Sequential late has no graph .* from a keras\.Input"):
        activation_statistics(model, X)
    model(X)
    assert names(activation_statistics(model, np.repeat(X, 2, axis=0))) == ["dense"]


def test_a_subclassed_model_is_refused_with_a_way_out(layers):
    import keras

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    model = Subclassed(name="sub")
    model(X)
    with pytest.raises(TypeError, match=r"Subclassed sub .* subclassed, .* Build it with keras"):
        activation_statistics(model, X)


# --- gradient_statistics ------------------------------------------------------------------------


@both
def test_gradients_have_the_statistics_of_closed_form(build, layers):
    import keras

    penalty = keras.regularizers.L2(0.5)
    model = build(layers.Dropout(0.9), layers.Dense(2, name="dense", kernel_regularizer=penalty))
    model.layers[-1].set_weights([KERNEL, np.array([3.0, -4.0])])
    model.compile("sgd", "mse")
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


def test_gradients_leave_the_model_as_it_is(layers):
    model = sequential(layers.Dense(2))
    model.compile("sgd", "mse")
    before = model.get_weights()
    gradient_statistics(model, np.ones((4, 3)), np.ones((4, 2)))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_gradients_need_a_loss(layers):
    with pytest.raises(ValueError, match=r"net is not compiled, so it has no loss"):
        gradient_statistics(sequential(layers.Dense(2)), np.ones((1, 3)), np.ones((1, 2)))
