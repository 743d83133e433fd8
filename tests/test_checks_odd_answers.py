"""Every check comes to a verdict on odd answers: what was expected, what was seen, what to do next."""

import json

import numpy as np
import pytest

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from tests.answers import published

pytestmark = pytest.mark.usefixtures("keras_at_hand")

BUILDERS = [name for name in EXERCISES if name.startswith("build_")]


def verdict(name, answer):
    return judge(EXERCISES[name], lambda seconds: LocalAnswer(answer, seconds))


def told(name, answer):
    """Return what is told to who gave a wrong answer."""
    outcome = verdict(name, answer)
    assert outcome.status in ("failed", "partial", "error")
    assert outcome.messages
    assert all(message.rpartition(": ")[2] for message in outcome.messages)
    return " ".join(outcome.messages)


# values


def generator(*given):
    yield from given


def symbolic():
    import keras

    return keras.Input((3,))


def small_model():
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


VALUES = {
    "None": lambda: None,
    "text": lambda: "0.5",
    "texts": lambda: ["1", "2"],
    "texts in parts": lambda: (("a", "b"), ("c", "d")),
    "array of texts": lambda: np.array(["1", "2"]),
    "objects": lambda: np.array([None, "a"], object),
    "complex": lambda: np.ones(3) + 1j,
    "huge": lambda: np.broadcast_to(0.0, (10**5, 10**5)),
    "huge integer": lambda: 10**400,
    "long": lambda: [0.0] * 99_000,
    "empty": lambda: np.zeros((0, 2)),
    "0-d": lambda: np.array(2.0),
    "nan": lambda: float("nan"),
    "pair of nan": lambda: (np.nan, np.nan),
    "three of nothing": lambda: (None, None, None),
    "arrays of nan": lambda: (np.full((5, 2), np.nan), np.full(5, np.nan)),
    "different lengths": lambda: ([1, [2, 3]], [[1], [2, 3]]),
    "empty lists": lambda: ([], []),
    "dict": lambda: {"a": 1},
    "generator": generator,
    "function": lambda: len,
    "class": lambda: dict,
    "models": lambda: [small_model(), small_model()],
    "symbolic": symbolic,
}


# Of these another model is asked for each answer, which takes a while.
SLOW = ("build_cat_augmenter", "build_transfer_model", "build_fine_tuning_model", "unfreeze_last")


@pytest.mark.parametrize("name", EXERCISES)
def test_odd_values_get_a_verdict(name):
    for value in ("texts", "generator", "symbolic", "models") if name in SLOW else VALUES:
        got = VALUES[value]()
        assert told(name, lambda *given, got=got: got)


@pytest.mark.parametrize("name", EXERCISES)
def test_what_is_no_function_is_told(name):
    for answer in ("text", 3, np.ones(2), [1, [2]], {"a": 1}):
        assert "should be a function, got an object of type" in told(name, answer)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("array of texts", "dtype <U1; texts have to come as a list, so use .tolist()."),
        ("objects", "dtype object; its entries seem to differ in kind or length."),
        ("complex", "dtype complex128; use real numbers."),
        ("generator", "an object of type generator; it may hold numbers, "),
        ("generator", "and Keras models. Make a list of it."),
        ("function", "and Keras models. Is it still to be called?"),
        ("class", "and Keras models. Is it still to be called?"),
        ("symbolic", "type KerasTensor, which stands for numbers that are not there yet; keras"),
        ("texts", "a list of 2 entries that make no array of numbers, expected one number."),
        ("models", "a list of 2 entries that make no array of numbers, expected one number."),
    ],
)
def test_unreadable_values_come_with_a_next_step(value, says):
    assert says in told("l2_penalty", lambda *given: VALUES[value]())


def test_model_is_no_number():
    # Its handle has the number 0, which is the right penalty there.
    says = "At the pre-trained weights: There is no distance"
    assert says in told("l2_sp_penalty", lambda *given: [small_model()])


def test_layer_is_no_function():
    import keras

    says = "The answer should be a function, got an object of type Dense."
    assert told("build_l2_mlp", keras.layers.Dense(10)) == says


@pytest.mark.parametrize("name", ["triple_with_noise", "split_then_augment"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_points_that_are_no_numbers_are_told(name, number):
    def times(value):
        if isinstance(value, tuple):
            return tuple(map(times, value))
        return number * value

    says = "Some entries are no numbers, but nan or inf"
    assert says in told(name, lambda *given: times(published(name)(*given)))


def test_parts_of_texts_are_told():
    seen = "Training holds a text and a text, validation a text and a text."
    assert seen in told("split_then_augment", lambda *given: VALUES["texts in parts"]())


def test_lists_of_texts_are_told():
    def texts(*given):
        return tuple(part.astype(str).tolist() for part in published("triple_with_noise")(*given))

    assert "a list of 12 entries that make no array of numbers" in told("triple_with_noise", texts)


@pytest.mark.parametrize("name", [n for n in EXERCISES if n not in BUILDERS])
def test_inputs_that_are_changed_afterwards_do_not_matter(name):
    def spoils(*given):
        got = published(name)(*given)
        for value in given:
            if isinstance(value, np.ndarray):
                value[...] = 0
            elif isinstance(value, list | dict):
                value.clear()
        return got

    assert verdict(name, spoils).status == "passed"


# models

CHANGES = {
    "two outputs": (lambda p: [p, p[:, :1]], "a list of 2 entries; let it have a single output"),
    "dict": (lambda p: {"p": p}, "a dict of 1 entries; let it have a single output"),
    "nothing": (lambda p: None, "nothing (None)"),
    "text": (lambda p: "p", "a text"),
    "number": (lambda p: 1.0, "the number 1"),
    "truth values": (lambda p: p > 0.5, "and of type bool; let it return floats"),
    "nan": (lambda p: p * np.nan, "no numbers, but nan or inf"),
    "half the batch": (lambda p: p[: len(p) // 2], "shape"),
    "flat": (lambda p: np.ravel(p), "shape"),
    "empty": (lambda p: p[:0], "shape"),
}

# What the check asks of the outputs again, after it has seen that they are right.
MOMENTS = {
    "at once": (lambda calls, training: True, BUILDERS),
    "later": (
        lambda calls, training: calls > 1,
        [name for name in BUILDERS if name not in ("build_l2_mlp", "build_regularized_mlp")],
    ),
    "in training": (
        lambda calls, training: training,
        [
            "build_dropout_mlp",
            "build_noisy_mlp",
            "build_cat_augmenter",
            "build_transfer_model",
            "build_fine_tuning_model",
        ],
    ),
}


def wrapped(name, call, **members):
    """Return an answer: the published model inside of another one, whose `call` is given."""
    import keras

    class Odd(keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner, self.calls = inner, 0

        def call(self, x, training=False):
            self.calls += 1
            return call(self, x, training)

    for member, value in members.items():
        setattr(Odd, member, value)

    def answer(*given):
        model = Odd(published(name)(*given))
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
        return model

    return answer


def with_outputs(name, change, when):
    def call(self, x, training):
        p = self.inner(x, training=training)
        return change(p) if when(self.calls, training) else p

    return wrapped(name, call)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("name", "moment"), [(name, moment) for moment in MOMENTS for name in MOMENTS[moment][1]]
)
def test_odd_outputs_get_a_verdict(name, moment, change):
    outputs, says = CHANGES[change]
    assert says in told(name, with_outputs(name, outputs, MOMENTS[moment][0]))


def test_odd_outputs_after_training_get_a_verdict():
    def call(self, x, training):
        p = self.inner(x)
        return [p, p] if self.calls > 1 else p

    name = "build_regularized_mlp"  # which need not train for that
    answer = wrapped(name, call, train_on_batch=lambda self, x, y: 1.0)
    assert "should return one array of numbers with training=False" in told(name, answer)


@pytest.mark.parametrize("name", BUILDERS)
def test_odd_models_get_a_verdict(name):
    import keras
    from keras import layers

    inputs = keras.Input((5,), name="x")
    for model in (
        keras.Sequential(),
        keras.Sequential([inputs]),
        keras.Model(),
        keras.Model([inputs, keras.Input((5,))], layers.Dense(10)(inputs)),
        keras.Model({"x": inputs}, {"p": layers.Dense(10)(inputs)}),
        keras.Sequential([layers.Flatten(), layers.Softmax()]),  # no weights
    ):
        assert told(name, lambda *given, model=model: model)


@pytest.mark.parametrize("name", ["build_dropout_mlp", "build_noisy_mlp"])
def test_sums_that_are_not_one_are_told(name):
    answer = with_outputs(name, lambda p: p / 10, lambda calls, training: True)
    assert "here the sums go from 0.1 to 0.1. Which activation" in told(name, answer)


@pytest.mark.parametrize("rate", ['"a"', "null", "[0.5, 0.9]", "[]", '{"rate": 0.9}'])
def test_rate_that_is_no_number_is_no_rate(rate):
    answer = wrapped(
        "build_dropout_mlp",
        lambda self, x, training: self.inner(x, training=training),
        to_json=lambda self: json.dumps({"rate": json.loads(rate)}),
    )
    assert verdict("build_dropout_mlp", answer).status == "passed"


def test_noise_of_a_model_that_learned_nothing_gets_a_verdict():
    def call(self, x, training):
        noisy = training and self.inner.layers[1].stddev > 0
        return self.inner(x, training=True) if noisy else 0 * self.inner(x) + 0.1

    assert "where does it act?" in told("build_noisy_mlp", wrapped("build_noisy_mlp", call))


def test_model_missing_without_noise_is_told():
    says = "Your function returned nothing; is there a `return`?"
    answer = lambda std: published("build_noisy_mlp")(std) if std else None  # noqa: E731
    assert says in told("build_noisy_mlp", answer)


def dense(units, **options):
    import keras
    from keras import layers

    hidden = layers.Dense(units, activation="relu", **options)
    head = layers.Dense(10, activation="softmax", **options)
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), hidden, head])


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda l2: dense(16, kernel_initializer="zeros"), "A kernel is all zero"),
        (lambda l2: dense(16_000), "The model has 12,720,010 weights, too many here"),
        (
            lambda l2: dense(16, kernel_regularizer=lambda w: l2 * w**2),
            "A term of model.losses is an array of shape (784, 16); each should be one number",
        ),
    ],
    ids=["zero kernels", "too wide", "penalty of each weight"],
)
def test_odd_penalties_get_a_verdict(build, says):
    assert says in told("build_l2_mlp", build)


@pytest.mark.parametrize("logs", [None, {}, {"loss": "low"}], ids=str)
@pytest.mark.parametrize(
    "name", ["build_regularized_mlp", "build_transfer_model", "build_fine_tuning_model"]
)
def test_train_step_without_a_loss_is_told(name, logs):
    answer = wrapped(
        name,
        lambda self, x, training: self.inner(x, training=training),
        train_step=lambda self, batch: logs,
    )
    assert "A train step should give the loss, a number" in told(name, answer)


def test_loss_of_nan_is_told():
    answer = wrapped(
        "build_fine_tuning_model",
        lambda self, x, training: self.inner(x, training=training),
        train_on_batch=lambda self, x, y: np.nan,
    )
    assert "The loss of the first train step is nan" in told("build_fine_tuning_model", answer)


def test_backbone_that_was_trained_is_told():
    def unfreeze_last(backbone, blocks, k):
        published("unfreeze_last")(backbone, blocks, k)
        backbone.train_on_batch(np.ones((2, 16, 16, 3)), np.ones((2, 4, 4, 8)))

    assert "Your function changed weights of the backbone" in told("unfreeze_last", unfreeze_last)
