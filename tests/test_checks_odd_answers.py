"""Every check comes to a verdict on odd answers: what was expected, what was seen, what to do next."""

import json

import numpy as np
import pytest

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from coursehelpers.checks.values import Handle
from tests.answers import published

pytestmark = pytest.mark.usefixtures("keras_at_hand")

BUILDERS = [name for name in EXERCISES if name.startswith("build_")]


def verdict(name, answer):
    # Time is not what is tested here, and the machine may be busy.
    return judge(EXERCISES[name], lambda seconds: LocalAnswer(answer, 4 * seconds))


def told(name, answer):
    """Return what is told to who gave a wrong answer."""
    outcome = verdict(name, answer)
    assert outcome.status in ("failed", "partial", "error")
    assert outcome.messages
    assert all(message.rpartition(": ")[2] for message in outcome.messages)
    return " ".join(outcome.messages)


# values

NAN = np.nan
VALUES = [
    ["1", "2"],
    None,
    "0.5",
    (("a", "b"), ("c", "d")),
    [0.0] * 5_000,
    np.zeros((0, 2)),
    np.array(2.0),
    NAN,
    (NAN, NAN),
    (None, None, None),
    (np.full((5, 2), NAN), np.full(5, NAN)),
    ([1, [2, 3]], [[1], [2, 3]]),
    ([], []),
    {"a": 1},
    [Handle(0), Handle(1)],
]
# Of these another model is asked for each answer, which takes a while.
SLOW = ("build_cat_augmenter", "build_transfer_model", "build_fine_tuning_model", "unfreeze_last")


@pytest.mark.parametrize("name", EXERCISES)
def test_odd_values_get_a_verdict(name):
    for value in VALUES[:3] if name in (*SLOW, "train_on_features") else VALUES:
        assert told(name, lambda *given, value=value: value)
    assert "should be a function, got an object of type str" in told(name, "text")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.array(["1", "2"]), "dtype <U1; texts have to come as a list, so use .tolist()."),
        (np.array([None, "a"]), "dtype object; its entries seem to differ in kind or length."),
        (np.ones(3) + 1j, "dtype complex128; use real numbers."),
        (iter([]), "an object of type list_iterator; it may hold numbers, strings, arrays, lists"),
        (iter([]), "and Keras models. Make a list of it."),
        (len, "and Keras models. Is it still to be called?"),
        (dict, "and Keras models. Is it still to be called?"),
        (["1", "2"], "a list of 2 entries that make no array of numbers, expected one number."),
        ([Handle(0)] * 2, "a list of 2 entries that make no array of numbers, expected one"),
    ],
)
def test_unreadable_values_come_with_a_next_step(value, says):
    assert says in told("l2_penalty", lambda *given: value)


def test_symbolic_tensors_come_with_a_next_step(keras_at_hand):
    says = "type KerasTensor, which stands for numbers that are not there yet; keras.Model makes"
    assert says in told("l2_penalty", lambda *given: keras_at_hand.Input((3,)))


# models


def wrapped(name, call=lambda self, x, training: self.inner(x, training=training), **members):
    """Return an answer: the published model inside of another one, whose `call` is given."""

    def answer(*given):
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
        model = Odd(published(name)(*given))
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
        return model

    return answer


def with_outputs(name, change, when=lambda calls, training: True):
    def call(self, x, training):
        p = self.inner(x, training=training)
        return change(p) if when(self.calls, training) else p

    return wrapped(name, call)


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
AGAIN = [name for name in BUILDERS if name not in ("build_l2_mlp", "build_regularized_mlp")]
IN_TRAINING = [name for name in AGAIN if name != "build_smaller_mlp"]
MOMENTS = {
    "at once": (lambda calls, training: True, BUILDERS),
    "later": (lambda calls, training: calls > 1, AGAIN),
    "in training": (lambda calls, training: training, IN_TRAINING),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("name", "moment"), [(name, moment) for moment in MOMENTS for name in MOMENTS[moment][1]]
)
def test_odd_outputs_get_a_verdict(name, moment, change):
    outputs, says = CHANGES[change]
    assert says in told(name, with_outputs(name, outputs, MOMENTS[moment][0]))


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


@pytest.mark.parametrize("rate", ["a", None, [0.5, 0.9], [], {"rate": None}], ids=str)
def test_rate_that_is_no_number_is_no_rate(rate):
    answer = wrapped("build_dropout_mlp", to_json=lambda self: json.dumps({"rate": rate}))
    assert verdict("build_dropout_mlp", answer).status == "passed"


@pytest.mark.parametrize("logs", [None, {}, {"loss": "low"}], ids=str)
@pytest.mark.parametrize(
    "name", ["build_regularized_mlp", "build_transfer_model", "build_fine_tuning_model"]
)
def test_train_step_without_a_loss_is_told(name, logs):
    answer = wrapped(name, train_step=lambda self, batch: logs)
    assert "A train step should give the loss, a number" in told(name, answer)


# what only some checks can meet


def dense(units, **options):
    import keras
    from keras import layers

    hidden = layers.Dense(units, activation="relu", **options)
    head = layers.Dense(10, activation="softmax", **options)
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), hidden, head])


def times(number, value):
    if isinstance(value, tuple):
        return tuple(times(number, part) for part in value)
    return number * value


def as_texts(*given):
    got = published("triple_with_noise")(*given)
    return tuple(part.astype(str).tolist() for part in got)


def noise_that_learned_nothing(self, x, training):
    noisy = training and self.inner.layers[1].stddev > 0
    return self.inner(x, training=True) if noisy else 0 * self.inner(x) + 0.1


def two_outputs_later(self, x, training):
    p = self.inner(x)
    return [p, p] if self.calls > 1 else p


def trained(backbone, blocks, k):
    published("unfreeze_last")(backbone, blocks, k)
    backbone.train_on_batch(np.ones((2, 16, 16, 3)), np.ones((2, 4, 4, 8)))


def tenth(name):
    return with_outputs(name, lambda p: p / 10)


NO_TRAINING = {"train_on_batch": lambda self, x, y: 1.0}
LOSS_OF_NAN = {"train_on_batch": lambda self, x, y: np.nan}


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        # The handle of a model has the number 0, which is the right penalty there.
        ("l2_sp_penalty", lambda *given: [Handle(0)], "At the pre-trained weights: There is"),
        (
            "split_then_augment",
            lambda *given: (("a", "b"), ("c", "d")),
            "Training holds a text and a text, validation a text and a text.",
        ),
        ("triple_with_noise", as_texts, "a list of 12 entries that make no array of numbers"),
        ("build_l2_mlp", lambda l2: dense(16, kernel_initializer="zeros"), "A kernel is all zero"),
        ("build_l2_mlp", lambda l2: dense(16_000), "The model has 12,720,010 weights, too many"),
        (
            "build_l2_mlp",
            lambda l2: dense(16, kernel_regularizer=lambda w: l2 * w**2),
            "A term of model.losses is an array of shape (784, 16); each should be one number",
        ),
        ("build_dropout_mlp", tenth("build_dropout_mlp"), "go from 0.1 to 0.1. Which activation"),
        ("build_noisy_mlp", tenth("build_noisy_mlp"), "go from 0.1 to 0.1. Which activation"),
        (
            "build_noisy_mlp",
            wrapped("build_noisy_mlp", noise_that_learned_nothing),
            "where does it act?",
        ),
        (
            "build_noisy_mlp",
            lambda std: published("build_noisy_mlp")(std) if std else None,
            "Your function returned nothing; is there a `return`?",
        ),
        (
            "build_regularized_mlp",
            wrapped("build_regularized_mlp", two_outputs_later, **NO_TRAINING),
            "should return one array of numbers with training=False",
        ),
        (
            "build_fine_tuning_model",
            wrapped("build_fine_tuning_model", **LOSS_OF_NAN),
            "The loss of the first train step is nan",
        ),
        ("unfreeze_last", trained, "Your function changed weights of the backbone"),
    ],
)
def test_what_only_some_checks_meet_is_told(name, answer, says):
    assert says in told(name, answer)


@pytest.mark.parametrize("name", ["triple_with_noise", "split_then_augment"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_points_that_are_no_numbers_are_told(name, number):
    says = "Some entries are no numbers, but nan or inf"
    assert says in told(name, lambda *given: times(number, published(name)(*given)))
