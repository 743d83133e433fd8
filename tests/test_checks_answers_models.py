"""A Keras model is asked by what it does, whatever its kind."""

import importlib

import numpy as np
import pytest

from coursehelpers.checks.answers import AnswerError, LocalAnswer
from coursehelpers.checks.values import Handle


@pytest.fixture(autouse=True, scope="module")
def keras_at_hand():
    # Its first import may take longer than the time limits here.
    importlib.import_module("keras")


def asked(function, *values, seconds=5.0):
    return LocalAnswer(function, seconds).call(*values)


def functional():
    import keras
    from keras import layers

    inputs = keras.Input((6,))
    x = layers.Dropout(0.5)(layers.Dense(4, use_bias=False, kernel_initializer="ones")(inputs))
    return keras.Model(inputs, x)


def subclassed():
    import keras

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4, use_bias=False, kernel_initializer="ones")
            self.dropout = keras.layers.Dropout(0.5)

        def call(self, x, training=False):
            return self.dropout(self.dense(x), training=training)

    return Model()


@pytest.mark.parametrize("build", [functional, subclassed])
@pytest.mark.parametrize("handed_in", ["model", "function"])
def test_model_is_asked_the_same_way_whatever_its_kind(build, handed_in):
    answer = LocalAnswer(build() if handed_in == "model" else build, seconds=20)
    model = None if handed_in == "model" else answer.call()
    assert model is None or isinstance(model, Handle)
    x = np.arange(60).reshape(10, 6)

    outputs = answer.predict(x, model=model)
    np.testing.assert_allclose(outputs, np.repeat(x.sum(axis=1, keepdims=True), 4, axis=1))
    trained = answer.predict(x + 1, training=True, model=model)
    assert 0 < np.mean(trained == 0) < 1

    (weight,) = answer.weights(model)
    assert weight["value"].tolist() == np.ones((6, 4)).tolist()
    assert weight["trainable"] is True
    assert weight["path"].endswith("kernel")
    assert answer.config(model)["class_name"] in ("Functional", "Model")


def test_config_holds_what_the_model_is_made_of():
    layers = LocalAnswer(functional()).config()["config"]["layers"]
    assert [layer["class_name"] for layer in layers] == ["InputLayer", "Dense", "Dropout"]
    assert layers[1]["config"]["units"] == 4


def test_model_without_training_argument_can_be_asked():
    import keras

    class Doubled(keras.Model):
        def call(self, x):
            return 2 * x

    outputs = LocalAnswer(Doubled()).predict(np.ones((2, 3)), training=True)
    assert outputs.tolist() == [[2.0] * 3] * 2


def test_several_models_and_models_as_arguments():
    import keras

    def answer(model=None):
        if model is not None:
            return model.count_params()
        return {
            "models": [keras.Sequential([keras.Input((n,)), keras.layers.Dense(1)]) for n in (2, 5)]
        }

    asked = LocalAnswer(answer)
    small, large = asked.call()["models"]
    assert (asked.call(small), asked.call(large)) == (3, 6)
    assert asked.predict(np.ones((1, 5)), model=large).shape == (1, 1)
    assert len(asked.weights(small)) == 2


def test_outputs_of_several_heads():
    import keras

    inputs = keras.Input((2,))
    model = keras.Model(inputs, {"same": inputs, "double": inputs * 2})
    outputs = LocalAnswer(model).predict(np.ones((1, 2)))
    assert outputs["double"].tolist() == [[2.0, 2.0]]


def test_model_that_fails_says_what_shape_it_wants():
    with pytest.raises(AnswerError) as caught:
        LocalAnswer(functional()).predict(np.ones((2, 28, 28)))
    assert "(None, 6)" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: LocalAnswer(3).call(), "should be a function, got an object of type int."),
        (lambda: LocalAnswer("x").call(), "should be a function, got an object of type str."),
        (lambda: LocalAnswer(len).value(), "cannot be read. The value holds an object of type b"),
        (lambda: LocalAnswer(3).predict(1), "should be a Keras model, got an object of type int."),
        (lambda: LocalAnswer(len).weights(), "should be a Keras model, got an object of type b"),
        (lambda: LocalAnswer([1]).config(), "should be a Keras model, got an object of type list."),
        (
            lambda: LocalAnswer(len).predict(1, model=2.0),
            "should return a Keras model, it returned",
        ),
        (lambda: LocalAnswer(len).weights([1]), "it returned an object of type list."),
    ],
)
def test_wrong_kinds_are_told(ask, says):
    with pytest.raises(AnswerError) as caught:
        ask()
    assert type(caught.value) is AnswerError
    assert says in str(caught.value)


def penalized():
    import keras

    penalty = keras.regularizers.L2(0.5)
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=penalty)(inputs)
    return keras.Model(inputs, outputs)


def test_penalties_are_the_terms_besides_the_loss():
    assert LocalAnswer(penalized()).penalties() == [pytest.approx(1.0)]
    assert LocalAnswer(functional()).penalties() == []


def test_train_step_trains_and_returns_the_loss():
    model = penalized()
    model.compile(_sgd(0.1), "mse")
    answer = LocalAnswer(model, seconds=60)
    x, y = np.ones((4, 2)), np.zeros((4, 1))
    # 2 squared, and 0.5 for each of two weights; the gradient of a weight is 2 * 2 + 1.
    assert answer.train_step(x, y) == pytest.approx(4 + 1)
    kernel, _ = (w["value"].ravel().tolist() for w in answer.weights())
    assert kernel == pytest.approx([0.5, 0.5])


def test_many_train_steps_are_those_of_keras_whether_a_graph_is_made_or_not():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 4, 2)), rng.normal(size=(5, 4, 1))
    model, twin = penalized(), penalized()
    for each in (model, twin):
        each.compile(_sgd(0.1), "mse")
    answer = LocalAnswer(model, seconds=60)
    losses = [answer.train_step(*batch) for batch in zip(x, y, strict=True)]
    assert losses == pytest.approx([float(twin.train_on_batch(*b)) for b in zip(x, y, strict=True)])
    for weight, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-6)
    assert not model.run_eagerly


def test_error_of_an_operation_is_told_without_names_of_devices():
    model = penalized()
    model.compile(_sgd(0.1), "mse")
    with pytest.raises(AnswerError, match=r"InvalidArgumentError: Incompatible shapes: [^{}]*$"):
        LocalAnswer(model, seconds=60).train_step(np.ones((4, 2)), np.zeros((3, 1)))


def _sgd(learning_rate):
    import keras

    return keras.optimizers.SGD(learning_rate)


def test_train_step_needs_a_compiled_model():
    with pytest.raises(AnswerError, match="compile"):
        LocalAnswer(penalized(), seconds=60).train_step(np.ones((4, 2)), np.zeros((4, 1)))
