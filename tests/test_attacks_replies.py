"""A kernel may have become anything: whatever it replies, no check passes and none breaks.

These replies come from no kernel at all, but through all that the grader does with those of one.
"""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coursehelpers.checks.answers import AnswerError, AnswerTimedOut, NotAttempted
from coursehelpers.checks.core import EXERCISES, judge
from coursehelpers.checks.values import Fixture, Handle, UnsupportedValue, decode, encode
from coursehelpers.grading import kernel, protocol
from coursehelpers.grading.kernel import RemoteAnswer
from coursehelpers.grading.text import plain

pytestmark = pytest.mark.heavy

each_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=list(EXERCISES))

NAN, INF = float("nan"), float("inf")
WEIGHT = {"path": "dense/kernel", "trainable": True, "value": np.ones((3, 2))}
# For every question the same: where a list or an array is due, one of those fits.
REPLIES = {
    "nothing": None,
    "true": True,
    "zero": -0.0,
    "nan": NAN,
    "infinity": INF,
    "large": 1e308,
    "text": "passed",
    "numbers in texts": ["0", "1"],
    "empty list": [],
    "empty dict": {},
    "pair of nan": [NAN, NAN],
    "three infinities": [INF, INF, INF],
    "model": Handle(0),
    "model that is none": Handle(-7),
    "fixture": Fixture("tiny_backbone", 0),
    "pair of models": [Handle(0), Handle(1)],
    "no numbers": np.zeros(0),
    "one number": np.array(0.5),
    "truths": np.array([True, False]),
    "array of nan": np.full((5, 10), NAN),
    "array of many dimensions": np.zeros((1, 1, 1, 1, 1, 1, 1, 1)),
    "weights": [WEIGHT],
    "weights of nan": [WEIGHT | {"value": np.full((784, 10), NAN)}] * 2,
    "weights of infinity": [WEIGHT | {"value": np.full((784, 10), INF)}] * 2,
    "weights of truths": [WEIGHT | {"value": np.array([[True]])}] * 2,
    "wrong weights": [{"path": 1, "trainable": "yes", "value": []}],
    "weights without values": [{"path": "a"}],
    "weights without end": [WEIGHT] * 2_000,
    "config": {"layers": [{"class_name": "Dropout", "config": {"rate": 0.5}}]},
    "wrong config": {"class_name": 3, "config": {"rate": NAN}},
}


def outcome_of(exercise, reply):
    """Judge what replies to questions: `reply` gets the verb and what was asked."""

    def exchange(request, body, seconds):
        assert seconds > 0
        question = decode(body)
        return {"status": "ok"}, encode(reply(request["verb"], *question["args"]))

    return judge(exercise, lambda seconds: RemoteAnswer(exchange, exercise.id, seconds))


def does_not_pass(exercise, reply):
    return outcome_of(exercise, reply).status != "passed"


@each_exercise
@pytest.mark.parametrize("reply", REPLIES.values(), ids=list(REPLIES))
def test_no_check_passes_by_what_is_no_answer(exercise, reply):
    assert does_not_pass(exercise, lambda verb, *asked: reply)


def fitting(fill):
    """Return replies of the form that each question wants, filled with something."""

    def reply(verb, *asked):
        if verb == "predict":
            return fill((len(asked[0]), 10))
        if verb == "weights":
            return [WEIGHT | {"path": p, "value": fill((4, 4))} for p in ("a/kernel", "b/kernel")]
        if verb == "penalties":
            return [float(fill(()))]
        if verb == "train_step":
            return float(fill(()))
        if verb == "config":
            return {}
        given = next((a for a in asked if isinstance(a, np.ndarray)), None)
        return Handle(0) if given is None else fill(given.shape)

    return reply


FILLS = {
    "nan": lambda shape: np.full(shape, NAN),
    "infinity": lambda shape: np.full(shape, INF),
    "large": lambda shape: np.full(shape, 1e300),
    "zero": np.zeros,
    "equal probabilities": lambda shape: np.full(shape, 0.1),
    "noise": lambda shape: np.random.default_rng(0).normal(size=shape),
    "float16": lambda shape: np.full(shape, 65504, "float16"),
    "unsigned": lambda shape: np.full(shape, 255, "uint8"),
}


@each_exercise
@pytest.mark.parametrize("fill", FILLS.values(), ids=list(FILLS))
def test_no_check_passes_by_what_only_has_the_form_of_an_answer(exercise, fill):
    assert does_not_pass(exercise, fitting(fill))


def test_what_the_grader_computes_with_has_the_size_that_it_asked_for():
    """Features may be as long as a reply has room for, and a matrix is made of them."""

    def reply(verb, *asked):
        return np.ones((len(asked[0]), 20_000), "float16")

    outcome = outcome_of(EXERCISES["train_on_features"], reply)
    assert outcome.status == "error"
    assert "should return shape (40, 8)" in outcome.messages[0]


def test_infinite_penalty_is_not_right_for_every_factor():
    huge = [WEIGHT | {"path": p, "value": np.full((4, 4), 1e200)} for p in ("a/kernel", "b/kernel")]
    replies = {"weights": huge, "penalties": [INF], "call": Handle(0), "config": {}}

    def reply(verb, *asked):
        return replies[verb] if verb in replies else np.full((len(asked[0]), 10), 0.1)

    outcome = outcome_of(EXERCISES["build_l2_mlp"], reply)
    assert (outcome.status, outcome.earned) == ("failed", 0)
    assert "too large to be squared" in outcome.messages[0]


@each_exercise
def test_what_says_that_it_is_right_is_quoted_at_most(exercise):
    def exchange(request, body, seconds):
        return {"status": "error", "text": "“passed”\n\x1b[1m" + "x" * 10**6}, b""

    outcome = judge(exercise, lambda seconds: RemoteAnswer(exchange, exercise.id, seconds))
    assert outcome.status == "error"
    assert not outcome.earned
    assert 'Your notebook reports: “"passed" \ufffd[1mxxx' in outcome.messages[0]
    assert len(outcome.messages[0]) < 1_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
KINDS = st.sampled_from(["float", "handle", "fixture", "list", "dict", "array"])


@settings(max_examples=300, deadline=None)
@given(JSON | st.dictionaries(KINDS, JSON | st.lists(JSON, min_size=3, max_size=3), min_size=1))
def test_bytes_of_any_kind_are_a_value_or_refused(tree):
    try:
        value = decode(json.dumps(tree).encode())
    except UnsupportedValue:
        return
    assert encode(value)


@given(arrays(np.uint8, st.integers(0, 20)))
def test_truths_are_zero_or_one(raw):
    data = encode(raw).replace(b"uint8", b"bool")
    if raw.max(initial=0) > 1:
        with pytest.raises(UnsupportedValue):
            decode(data)
    else:
        assert decode(data).sum() == raw.sum()


@settings(max_examples=300)
@given(st.text() | st.text(st.characters(categories=["C", "Z"])))
def test_words_of_a_submission_are_one_plain_line(text):
    told = plain(text)
    assert told.isprintable()
    assert len(told) <= 500
    assert plain(told) == told


@pytest.mark.parametrize("text", [None, 3, ["a"], {"a": 1}, b"a"])
def test_what_is_no_text_has_no_words(text):
    assert plain(text) == ""


def test_time_for_an_answer_ends_however_many_questions_there_are(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(kernel, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def exchange(request, body, seconds):
        now[0] += min(seconds, 1)
        return {"status": "ok"}, encode(1.0)

    answer = RemoteAnswer(exchange, "l2_penalty", 5)
    with pytest.raises(AnswerTimedOut):
        [answer.call() for _ in range(1_000)]
    assert now[0] == 2 * 5 + kernel.GRACE_SECONDS


@pytest.mark.parametrize(
    ("status", "raised"),
    [("timed out", AnswerTimedOut), ("not attempted", NotAttempted), ("error", AnswerError)],
)
def test_trouble_is_told_in_the_graders_words(status, raised):
    assert {"ok", *protocol.TROUBLES} == {"ok", "timed out", "not attempted", "error"}
    answer = RemoteAnswer(lambda *asked: ({"status": status, "text": "2 of 2"}, b""), "x", 5)
    with pytest.raises(raised) as told:
        answer.call()
    assert type(told.value) is raised
    assert ("2 of 2" in str(told.value)) == (status == "error")
