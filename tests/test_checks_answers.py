"""An answer in this process is asked safely: whatever it does, it gives a value or says why not."""

import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from coursehelpers.checks.answers import AnswerError, AnswerTimedOut, LocalAnswer, NotAttempted
from coursehelpers.checks.values import Handle

# The first import of Keras may take longer than the time limits here.
pytestmark = [pytest.mark.usefixtures("keras_at_hand"), pytest.mark.heavy]


def asked(function, *values, seconds=5.0):
    return LocalAnswer(function, seconds).call(*values)


def raises(error):
    def answer():
        raise error

    return answer


# functions


def test_call_returns_plain_values():
    got = asked(lambda x, name: (np.float32(x[0]), {name: x * 2}), np.arange(3.0), "twice")
    assert got[0] == 0.0
    assert got[1]["twice"].tolist() == [0.0, 2.0, 4.0]


def test_inputs_are_copies():
    array, entries = np.ones(3), [np.ones(2), {"key": [1]}]

    def spoil(array, entries):
        array[:] = np.nan
        entries[0] *= 0
        entries[1]["key"].append(2)
        entries.clear()

    asked(spoil, array, entries)
    assert array.tolist() == [1, 1, 1]
    assert entries[0].tolist() == [1, 1]
    assert entries[1] == {"key": [1]}


def test_results_are_copies():
    state = np.zeros(2)
    answer = LocalAnswer(lambda: state)
    before = answer.call()
    state += 1
    assert before.tolist() == [0, 0]
    assert answer.call().tolist() == [1, 1]


class Broken(Exception):
    def __str__(self):
        raise RuntimeError


class BrokenHard(Exception):
    def __str__(self):
        raise SystemExit


class Unusual(BaseException):
    pass


def endless_recursion():
    return endless_recursion()


def library():
    raise NotImplementedError("no such dtype")


def used_before_it_is_set():
    value += 1  # noqa: F821
    return value


class Unreadable:
    def __array__(self, *args, **kwargs):
        raise ZeroDivisionError("gotcha")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (raises(ValueError("no\n  good")), "Your code raised ValueError: no good."),
        (raises(ValueError("full stop.")), "Your code raised ValueError: full stop."),
        (raises(KeyError()), "Your code raised KeyError."),
        (raises(Broken()), "Your code raised Broken."),
        (raises(BrokenHard()), "Your code raised BrokenHard."),
        (raises(Unusual("base")), "Your code raised Unusual: base."),
        (raises(GeneratorExit()), "Your code raised GeneratorExit."),
        (raises(MemoryError()), "Your code raised MemoryError."),
        (raises(ExceptionGroup("many", [ValueError()])), "raised ExceptionGroup: many (1"),
        (raises(ValueError(f"\x1b[1mbold\x1b[0m {np.zeros((5, 5))}")), "ValueError: bold [...]."),
        (raises(ValueError("\ud800")), "Your code raised ValueError: ?."),
        (raises(ValueError("word " * 1000)), "raised ValueError: word word "),
        (raises(SystemExit(3)), "Your code called sys.exit or exit."),
        (sys.exit, "Your code called sys.exit or exit."),
        (endless_recursion, "Your code raised RecursionError"),
        (lambda: library(), "NotImplementedError: no such dtype"),
        (lambda: undefined, "If another cell defines it, run that one first."),  # noqa: F821
        (used_before_it_is_set, "where it is not associated with a value."),
        (Unreadable, "Your code raised ZeroDivisionError: gotcha."),
        (3, "The answer should be a function, got an object of type int."),
        ("x", "The answer should be a function, got an object of type str."),
    ],
)
def test_what_goes_wrong_is_told(answer, says):
    with pytest.raises(AnswerError) as caught:
        asked(answer)
    assert type(caught.value) is AnswerError
    assert says in str(caught.value)
    assert len(str(caught.value).encode()) < 350


@pytest.mark.parametrize("result", [{1, 2}, len, [object()], 2**70, np.array(["a"]), b"x", {1: 2}])
def test_unreadable_results_are_told(result):
    with pytest.raises(AnswerError, match=r"Your answer cannot be read\. The value holds"):
        asked(lambda: result)


def test_coroutines_are_told():
    async def answer():
        return 1

    with pytest.raises(AnswerError, match="declared with `async def`; use `def`"):
        asked(answer)


def test_keyboard_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        asked(raises(KeyboardInterrupt()))


def stub_with_text():
    raise NotImplementedError("Write your answer here.")


@pytest.mark.parametrize("stub", [raises(NotImplementedError), stub_with_text, None, ...])
def test_stub_is_not_attempted(stub):
    with pytest.raises(NotAttempted, match="There is no answer yet"):
        asked(stub)


def test_stderr_and_warnings_stay_silent_but_prints_show(capsys):
    def noisy():
        warnings.warn("careful", UserWarning, stacklevel=1)
        print("to stderr", file=sys.stderr)
        print("to stdout")
        return float(np.log(np.zeros(1))[0])

    assert asked(noisy) == -np.inf
    assert capsys.readouterr() == ("to stdout\n", "")


# time


def sleep_in_bare_except():
    while True:
        try:
            time.sleep(60)
        except:  # noqa: E722
            continue


def nested_bare_excepts():
    while True:
        try:
            while True:
                try:
                    sum(range(100))
                except:  # noqa: E722
                    continue
        except:  # noqa: E722
            pass


def finally_waits():
    while True:
        try:
            time.sleep(60)
        except BaseException as error:
            kept = error
        finally:
            time.sleep(60)
    return kept


class EndlessToRead(dict):
    def items(self):
        while True:
            yield from ()


@pytest.mark.parametrize(
    "endless", [sleep_in_bare_except, nested_bare_excepts, finally_waits, EndlessToRead]
)
def test_endless_answer_is_stopped_in_time(endless):
    start = time.monotonic()
    with pytest.raises(AnswerTimedOut, match="took longer than the check allows"):
        asked(endless, seconds=0.2)
    assert 0.2 <= time.monotonic() - start < 30


def test_time_is_for_all_questions_together():
    answer = LocalAnswer(time.sleep, seconds=1)
    answer.call(0.2)  # on a busy machine it takes longer than asked for
    for seconds in (0.9, 0.2):
        with pytest.raises(AnswerTimedOut):
            answer.call(seconds)


def test_alarm_is_put_back():
    def other(signum, frame):
        raise AssertionError

    before = signal.signal(signal.SIGALRM, other)
    try:
        asked(lambda: 1)
        with pytest.raises(AnswerTimedOut):
            asked(sleep_in_bare_except, seconds=0.05)
        assert signal.getsignal(signal.SIGALRM) is other
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_alarm_at_the_last_moment_hits_nothing_else():
    outcomes = set()
    for i in range(200):
        end = 0.002 + i * 1e-5

        def busy(end=end):
            start = time.perf_counter()
            while time.perf_counter() - start < end:
                pass

        try:
            outcomes.add(asked(busy, seconds=0.003))
        except AnswerTimedOut:
            outcomes.add("timed out")
    assert outcomes == {None, "timed out"}


def test_another_thread_gets_its_answer_without_a_limit():
    got = []
    thread = threading.Thread(target=lambda: got.append(asked(lambda: 42)))
    thread.start()
    thread.join()
    assert got == [42]


# models


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


def two_heads_without_training():
    import keras

    class Model(keras.Model):
        def call(self, x):
            return {"same": x, "double": 2 * x}

    return Model()


def penalized():
    import keras

    penalty = keras.regularizers.L2(0.5)
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=penalty)(inputs)
    return keras.Model(inputs, outputs)


def compiled():
    import keras

    model = penalized()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def built(build):
    """Return an answer, and the model that it has returned, for further questions."""
    answer = LocalAnswer(build, seconds=60)
    model = answer.call()
    assert isinstance(model, Handle)
    return answer, model


@pytest.mark.parametrize("build", [functional, subclassed])
def test_model_is_asked_the_same_way_whatever_its_kind(build):
    answer, model = built(build)
    x = np.arange(60).reshape(10, 6)
    outputs = answer.predict(x, model)
    np.testing.assert_allclose(outputs, np.repeat(x.sum(axis=1, keepdims=True), 4, axis=1))
    trained = answer.predict(x + 1, model, training=True)
    assert 0 < np.mean(trained == 0) < 1

    (weight,) = answer.weights(model)
    assert weight["value"].tolist() == np.ones((6, 4)).tolist()
    assert weight["trainable"] is True
    assert weight["path"].endswith("kernel")
    layers = answer.config(model)["config"].get("layers", [])
    made_of = ["InputLayer", "Dense", "Dropout"] if build is functional else []
    assert [layer["class_name"] for layer in layers] == made_of
    assert answer.penalties(model) == []


def test_outputs_are_those_of_any_model():
    answer, model = built(two_heads_without_training)
    outputs = answer.predict(np.ones((2, 3)), model, training=True)
    assert outputs["double"].tolist() == [[2.0] * 3] * 2


def test_several_models_and_models_as_arguments():
    import keras

    def sized(n):
        return keras.Sequential([keras.Input((n,)), keras.layers.Dense(1)])

    def sizes_or_models(*models):
        return [m.count_params() for m in models] or {"models": [sized(2), sized(5)]}

    answer = LocalAnswer(sizes_or_models)
    small, large = answer.call()["models"]
    assert answer.call(small, large) == [3, 6]
    assert answer.predict(np.ones((1, 5)), large).shape == (1, 1)
    assert [w["value"].shape for w in answer.weights(small)] == [(2, 1), (1,)]


def test_model_that_fails_says_what_shape_it_wants():
    answer, model = built(functional)
    with pytest.raises(AnswerError) as caught:
        answer.predict(np.ones((2, 28, 28)), model)
    assert "(None, 6)" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_wrong_kinds_are_told(keras_at_hand):
    with pytest.raises(AnswerError, match="Hand in the function that builds the model, not the"):
        asked(functional())
    with pytest.raises(AnswerError, match="should be a function, got an object of type Dense"):
        asked(keras_at_hand.layers.Dense(10))
    says = "Your function should return a Keras model, it returned"
    for ask in (LocalAnswer(len).weights, LocalAnswer(len).config, LocalAnswer(len).penalties):
        with pytest.raises(AnswerError, match=f"{says} an object of type list"):
            ask([1])
    with pytest.raises(AnswerError, match=rf"{says} nothing \(None\)"):
        LocalAnswer(len).predict(1, None)
    with pytest.raises(AnswerError, match=f"{says} an object of type float"):
        LocalAnswer(len).train_step(1, 1, 2.0)


def test_train_steps_are_those_of_keras_whether_a_graph_is_made_or_not():
    rng = np.random.default_rng(0)
    batches = list(zip(rng.normal(size=(5, 4, 2)), rng.normal(size=(5, 4, 1)), strict=True))
    model, twin = compiled(), compiled()
    answer, handle = built(lambda: model)
    losses = [answer.train_step(*batch, handle) for batch in batches]
    assert losses == pytest.approx([float(twin.train_on_batch(*batch)) for batch in batches])
    for weight, other in zip(answer.weights(handle), twin.get_weights(), strict=True):
        np.testing.assert_allclose(weight["value"], other, rtol=1e-6)
    assert not model.run_eagerly


def test_loss_of_a_train_step_holds_the_penalty():
    answer, model = built(compiled)
    assert answer.penalties(model) == [pytest.approx(1.0)]
    # 2 squared, and 0.5 for each of two weights; the gradient of a weight is 2 * 2 + 1.
    assert answer.train_step(np.ones((4, 2)), np.zeros((4, 1)), model) == pytest.approx(4 + 1)
    kernel, _ = (weight["value"].ravel().tolist() for weight in answer.weights(model))
    assert kernel == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("build", "labels", "says"),
    [
        (penalized, 4, "compile"),
        # Without names of devices and operations.
        (compiled, 3, r"InvalidArgumentError: Incompatible shapes: [^{}]*$"),
    ],
)
def test_train_step_that_fails_says_why(build, labels, says):
    answer, model = built(build)
    with pytest.raises(AnswerError, match=says):
        answer.train_step(np.ones((4, 2)), np.zeros((labels, 1)), model)
