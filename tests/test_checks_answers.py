"""An answer in this process is asked safely: whatever it does, it gives a value or says why not."""

import importlib
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from coursehelpers.checks.answers import AnswerError, AnswerTimedOut, LocalAnswer, NotAttempted


@pytest.fixture(autouse=True, scope="module")
def keras_at_hand():
    # Its first import may take longer than the time limits here.
    importlib.import_module("keras")


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


def test_value_gives_the_answer_itself():
    assert LocalAnswer({"best": (1, 2.5)}).value() == {"best": [1, 2.5]}
    assert LocalAnswer(np.array([[1]])).value().tolist() == [[1]]


class Broken(Exception):
    def __str__(self):
        raise RuntimeError


class BrokenHard(Exception):
    def __str__(self):
        raise SystemExit


class Unusual(BaseException):
    pass


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("no\n  good"), "Your code raised ValueError: no good."),
        (ValueError("full stop."), "Your code raised ValueError: full stop."),
        (KeyError(), "Your code raised KeyError."),
        (Broken(), "Your code raised Broken."),
        (BrokenHard(), "Your code raised BrokenHard."),
        (Unusual("base"), "Your code raised Unusual: base."),
        (GeneratorExit(), "Your code raised GeneratorExit."),
        (MemoryError(), "Your code raised MemoryError."),
        (ExceptionGroup("many", [ValueError()]), "Your code raised ExceptionGroup: many (1"),
        (ValueError("\x1b[1mbold\x1b[0m " + str(np.zeros((5, 5)))), "ValueError: bold [...]."),
        (ValueError("\ud800"), "Your code raised ValueError: ?."),
        (SystemExit(3), "Your code called sys.exit or exit."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exceptions_become_answer_errors(error, says):
    with pytest.raises(AnswerError) as caught:
        asked(raises(error))
    assert type(caught.value) is AnswerError
    assert says in str(caught.value)
    str(caught.value).encode()


def test_long_error_texts_are_shortened():
    with pytest.raises(AnswerError) as caught:
        asked(raises(ValueError("word " * 1000)))
    assert len(str(caught.value)) < 350


def test_endless_recursion_is_an_error():
    def answer():
        return answer()

    with pytest.raises(AnswerError, match="Your code raised RecursionError"):
        asked(answer)


def test_sys_exit_and_friends():
    with pytest.raises(AnswerError, match=r"called sys\.exit or exit"):
        asked(sys.exit)


def test_keyboard_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        asked(raises(KeyboardInterrupt()))


def stub_with_text():
    raise NotImplementedError("Write your answer here.")


@pytest.mark.parametrize("stub", [raises(NotImplementedError), stub_with_text])
def test_stub_is_not_attempted(stub):
    with pytest.raises(NotAttempted, match="There is no answer yet"):
        asked(stub)


@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing_is_not_attempted(nothing):
    with pytest.raises(NotAttempted):
        LocalAnswer(nothing)


def test_not_implemented_in_a_library_is_an_error_of_an_attempt():
    def library():
        raise NotImplementedError("no such dtype")

    with pytest.raises(AnswerError, match="NotImplementedError: no such dtype") as caught:
        asked(lambda: library())
    assert not isinstance(caught.value, NotAttempted)


@pytest.mark.parametrize("result", [{1, 2}, len, [object()], 2**70, np.array(["a"]), b"x", {1: 2}])
def test_unreadable_results_are_told(result):
    with pytest.raises(AnswerError, match=r"Your answer cannot be read\. The value holds"):
        asked(lambda: result)


def test_object_that_breaks_when_it_is_read():
    class Nasty:
        def __array__(self, *args, **kwargs):
            raise ZeroDivisionError("gotcha")

    with pytest.raises(AnswerError, match="ZeroDivisionError: gotcha"):
        asked(Nasty)


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


def endless_generator():
    def numbers():
        while True:
            try:
                yield 1
            except:  # noqa: E722
                yield 2

    return sum(numbers())


@pytest.mark.parametrize(
    "endless", [sleep_in_bare_except, nested_bare_excepts, finally_waits, endless_generator]
)
def test_endless_answer_is_stopped_in_time(endless):
    start = time.monotonic()
    with pytest.raises(AnswerTimedOut, match="took longer than the check allows"):
        asked(endless, seconds=0.2)
    assert 0.2 <= time.monotonic() - start < 30


def test_value_that_is_endless_to_read_is_stopped():
    class Endless(dict):
        def items(self):
            while True:
                yield from ()

    with pytest.raises(AnswerTimedOut):
        asked(Endless, seconds=0.2)


def test_time_is_for_all_questions_together():
    answer = LocalAnswer(time.sleep, seconds=1)
    answer.call(0.2)  # on a busy machine it takes longer than asked for
    with pytest.raises(AnswerTimedOut):
        answer.call(0.9)
    with pytest.raises(AnswerTimedOut):
        answer.call(0.2)


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
