"""A comparison's numbers: worked examples; and what is left of it after Ctrl-C."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from coursehelpers import training
from coursehelpers.models import build_mlp
from coursehelpers.training import Comparison, Setting, compare

SHAPE, CLASSES = (2, 2), 3
RNG = np.random.default_rng(0)
PART = RNG.random((24, *SHAPE)), RNG.integers(CLASSES, size=24)
ROWS = ["setting", "seed", "epoch", "split", "metric", "value"]


def comparison(values, partial=False, metric="accuracy"):
    """Return a comparison with the final values of each setting, after worse ones."""
    rows = [
        (setting, seed, epoch, split, metric, value - worse)
        for setting, column in values.items()
        for seed, value in enumerate(column)
        for epoch, split, worse in [(0, "train", 9), (1, "train", 5), (1, "test", 0)]
    ]
    return Comparison(pd.DataFrame(rows, columns=ROWS), partial)


# The differences b - a are 1, 2 and 3; c - a are 0, 0 and 3.
THREE = {"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0, 6.0], "c": [1.0, 2.0, 6.0]}
TWO = {name: THREE[name] for name in "ab"}


# --- only ---------------------------------------------------------------------------------------


def test_only_keeps_the_settings_named_in_their_order():
    kept = comparison(THREE).only(["c", "a"])
    assert kept.final()["setting"].tolist() == ["c"] * 3 + ["a"] * 3
    assert kept.final()["value"].tolist() == THREE["c"] + THREE["a"]
    assert kept.differences().index.tolist() == ["a"]


def test_only_corrects_for_the_settings_that_are_left():
    kept = comparison(THREE).only(["a", "b"]).summary()
    pd.testing.assert_frame_equal(kept, comparison(TWO).summary())


def test_only_leaves_the_comparison_as_it_is_and_partial():
    whole = comparison(THREE, partial=True)
    assert whole.only(["b"]).partial
    assert whole.final()["setting"].nunique() == 3


@pytest.mark.parametrize("names", [["a", "z"], []])
def test_only_names_what_is_not_there(names):
    with pytest.raises(ValueError, match=r"There are no settings \[.*\]; there are: a, b, c\."):
        comparison(THREE).only(names)


# --- join ---------------------------------------------------------------------------------------


def test_join_adds_settings_and_corrects_for_all_of_them():
    joined = comparison(TWO).join(comparison({"c": THREE["c"]}))
    pd.testing.assert_frame_equal(joined.summary(), comparison(THREE).summary())


def test_join_is_partial_if_either_is():
    for first, second in [(True, False), (False, True)]:
        one, other = comparison(TWO, partial=first), comparison({"c": THREE["c"]}, partial=second)
        assert one.join(other).partial
    assert not comparison(TWO).join(comparison({"c": THREE["c"]})).partial


def test_join_refuses_other_seeds_and_a_setting_twice():
    with pytest.raises(ValueError, match=r"same seeds, got \[0, 1, 2\] and \[0, 1\]"):
        comparison(TWO).join(comparison({"c": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=r"in both: b\. Rename or drop one"):
        comparison(TWO).join(comparison({"b": THREE["b"]}))


# --- final --------------------------------------------------------------------------------------


def test_final_has_the_value_after_the_last_epoch_of_each_run():
    rows = [
        ("a", 0, 0, "validation", "loss", 4.0),
        ("a", 0, 1, "validation", "loss", 3.0),
        ("a", 1, 0, "validation", "loss", 2.0),  # stopped early
        ("b", 0, 0, "validation", "loss", 7.0),
        ("b", 0, 0, "train", "loss", 8.0),
        ("b", 0, 1, "validation", "loss", np.nan),
        ("b", 0, 1, "validation", "accuracy", 0.5),
    ]
    final = Comparison(pd.DataFrame(rows, columns=ROWS)).final("loss", "validation")
    expected = pd.DataFrame(
        {"setting": ["a", "a", "b"], "seed": [0, 1, 0], "value": [3.0, 2.0, np.nan]}
    )
    pd.testing.assert_frame_equal(final, expected, check_dtype=False)


def test_final_is_that_of_accuracy_on_the_test_data_unless_told_otherwise():
    both = comparison(TWO)
    assert both.final()["value"].tolist() == [1, 2, 3, 2, 4, 6]
    assert both.final(split="train")["value"].tolist() == [-4, -3, -2, -3, -1, 1]


@pytest.mark.parametrize("method", ["final", "summary", "differences"])
def test_what_was_not_measured_is_refused_with_what_was(method):
    there = "there are: 'accuracy' on 'train', 'accuracy' on 'test'"
    for metric, split in [("loss", "test"), ("accuracy", "validation")]:
        with pytest.raises(ValueError, match=f"no '{metric}' on '{split}'; {there}"):
            getattr(comparison(TWO), method)(metric, split)
    with pytest.raises(ValueError, match="there are: no complete runs"):
        getattr(comparison({}), method)()


# --- summary and differences --------------------------------------------------------------------


def test_differences_of_a_worked_example():
    table = comparison(TWO).differences()
    assert table.index.tolist() == ["b"]
    assert table.index.name == "setting"
    # Mean 2, standard error 1 / sqrt(3), and 4.30265 is the quantile of t with 2 degrees of
    # freedom; R's t.test prints the p-value 0.07418.
    half = 4.30265273 / np.sqrt(3)
    assert table.loc["b", ["estimate", "low", "high", "n"]].tolist() == pytest.approx(
        [2, 2 - half, 2 + half, 3]
    )
    assert table.loc["b", "p"] == pytest.approx(0.07418, abs=5e-6)


def test_differences_are_those_to_the_first_setting_or_to_the_named_one():
    three = comparison(THREE)
    assert three.differences()["estimate"].to_dict() == {"b": 2, "c": 1}
    assert three.differences(baseline="b")["estimate"].to_dict() == {"a": -2, "c": -1}
    assert three.differences(split="train", baseline="c").index.tolist() == ["a", "b"]
    for method in (three.differences, three.summary):
        with pytest.raises(ValueError, match=r"no setting 'd'; there are: \['a', 'b', 'c'\]"):
            method(baseline="d")


def test_several_differences_have_the_p_values_of_holm():
    # Each by itself has 0.07418 and 0.42265.
    p = comparison(THREE).differences()["p"]
    assert p.to_dict() == pytest.approx({"b": 2 * 0.07418, "c": 0.42265}, abs=1e-5)


def test_summary_of_a_worked_example():
    table = comparison(TWO).summary()
    assert table.index.tolist() == ["a", "b"]
    columns = ["mean", "low", "high", "n", "difference", "diff low", "diff high"]
    assert table.columns.tolist() == [*columns, "p"]
    half = 4.30265273 / np.sqrt(3)
    assert table.loc["a", columns[:4]].tolist() == pytest.approx([2, 2 - half, 2 + half, 3])
    assert table.loc["b", columns[:4]].tolist() == pytest.approx([4, 4 - 2 * half, 4 + 2 * half, 3])
    assert table.loc["a", columns[4:]].isna().all()
    assert table.loc["b", columns[4:]].tolist() == pytest.approx([2, 2 - half, 2 + half])
    assert table.loc["b", "p"] == pytest.approx(0.07418, abs=5e-6)


def test_summary_of_one_setting_has_nothing_to_compare():
    table = comparison({"a": [1.0, 2.0]}).summary()
    assert table["mean"].tolist() == [1.5]
    assert table[["difference", "p"]].isna().all(axis=None)


def test_one_seed_has_no_interval():
    one = comparison({"a": [1.0], "b": [2.0]})
    for method in (one.summary, one.differences):
        with pytest.raises(ValueError, match="interval needs at least two"):
            method()


def test_settings_that_are_equal_have_a_difference_of_exactly_zero():
    build = partial(build_mlp, (5,), input_shape=SHAPE, classes=CLASSES)
    equal = {"one": build, "other": lambda: build()}
    result = compare(equal, (PART, None, PART), seeds=range(3), epochs=2)
    table = result.differences("loss").loc["other"]
    assert table[["estimate", "low", "high", "p"]].tolist() == [0, 0, 0, 1]
    one, other = result.summary("loss")["mean"]
    assert one == other


def test_a_partial_comparison_says_so_in_its_tables():
    partly, complete = comparison(THREE, partial=True), comparison(THREE)
    assert partly.summary()["partial"].tolist() == [True] * 3
    assert partly.differences()["partial"].tolist() == [True] * 2
    assert "partial" not in [*complete.summary(), *complete.differences()]


def test_a_partial_comparison_compares_the_seeds_that_both_settings_have():
    partly = comparison({**TWO, "b": THREE["b"][:2]}, partial=True)
    assert partly.differences().loc["b", ["estimate", "n"]].tolist() == [1.5, 2]
    assert partly.summary()["n"].tolist() == [3, 2]


# --- Ctrl-C -------------------------------------------------------------------------------------


def interrupted(where):
    """Run two settings over three seeds, with an interrupt in the fourth of the six runs."""
    import keras

    begun = []

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if len(begun) == 4 and epoch == 1:
                raise KeyboardInterrupt

    def callbacks():
        begun.append(1)
        return [Interrupt()] if where == "callback" else []

    def data(seed):
        if where == "data" and seed == 1:
            raise KeyboardInterrupt
        return PART, None, PART

    build = partial(build_mlp, (), input_shape=SHAPE, classes=CLASSES)
    chosen = {"a": Setting(build, callbacks), "b": Setting(build, callbacks)}
    return compare(chosen, data, seeds=range(3), epochs=3)


@pytest.mark.parametrize("where", ["callback", "data"])
def test_interrupt_outside_a_notebook_is_raised(where):
    with pytest.raises(KeyboardInterrupt):
        interrupted(where)


@pytest.mark.parametrize(
    ("where", "complete"),
    [("callback", [("a", 0), ("b", 0), ("a", 1)]), ("data", [("a", 0), ("b", 0)])],
)
def test_interrupt_in_a_notebook_returns_the_complete_runs(monkeypatch, capsys, where, complete):
    monkeypatch.setattr(training, "in_notebook", lambda: True)
    result = interrupted(where)
    assert capsys.readouterr().out == f"Interrupted: {len(complete)} of 6 runs are complete.\n"
    assert result.partial
    assert list(result.frame.groupby(["seed", "setting"]).groups) == sorted(
        (seed, setting) for setting, seed in complete
    )
    assert len(result.final()) == len(complete)
    assert set(result.frame["epoch"]) == {0, 1, 2}


def test_interrupt_before_the_first_run_is_complete_leaves_nothing(monkeypatch):
    def data(seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "in_notebook", lambda: True)
    result = compare({"a": build_mlp}, data, seeds=[0], epochs=1)
    assert (result.partial, len(result.frame), list(result.frame.columns)) == (True, 0, ROWS)
    with pytest.raises(ValueError, match="no complete runs"):
        result.summary()


def test_errors_are_raised_in_a_notebook_too(monkeypatch):
    def data(seed):
        raise LookupError("mine")

    monkeypatch.setattr(training, "in_notebook", lambda: True)
    with pytest.raises(LookupError, match="mine"):
        compare({"a": build_mlp}, data, seeds=[0], epochs=1)
