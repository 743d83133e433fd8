"""How strategies stand in the cells of a grid: worked examples, and the same as by hand."""

import numpy as np
import pandas as pd
import pytest

from coursehelpers.metrics import mean_interval, paired_differences
from coursehelpers.transfer import standings

NOISE = np.array([-0.01, 0.0, 0.02, -0.02, 0.01])
COLUMNS = [
    *("domain", "size", "strategy", "estimate", "low", "high", "n"),
    *("difference", "diff low", "diff high", "standing", "beaten"),
]


def grid(*cells):
    """Turn cells, each domain, size and a row of accuracies per strategy, into a frame of runs."""
    return pd.DataFrame(
        [
            {"domain": domain, "size": size, "strategy": name, "seed": seed, "test": value}
            for domain, size, strategies in cells
            for name, values in strategies.items()
            for seed, value in enumerate(values)
        ]
    )


def stand(**strategies):
    """Return the standings in one cell, by strategy."""
    return standings(grid(("near", "little", strategies))).set_index("strategy")


def test_the_best_is_shown_where_all_others_are_clearly_worse():
    table = stand(worse=0.6 + NOISE, best=0.8 + NOISE[::-1])
    assert table["standing"].tolist() == ["worse", "best"]
    assert table["beaten"].tolist() == [True, False]
    assert table.loc["best", ["difference", "diff low", "diff high"]].tolist() == [0, 0, 0]
    assert table.loc["worse", "difference"] == pytest.approx(-0.2)
    assert table.loc["worse", "diff high"] < 0


def test_what_has_not_been_shown_to_be_worse_is_tied_and_nothing_is_best():
    table = stand(best=0.8 + NOISE, close=0.795 + NOISE[::-1], worse=0.6 + NOISE)
    assert table["standing"].tolist() == ["tied", "tied", "worse"]
    assert table.loc["close", "difference"] == pytest.approx(-0.005)
    assert table.loc["close", "diff low"] < 0 < table.loc["close", "diff high"]


def test_seeds_are_paired():
    # The same small loss counts where it is there in every seed, and not where noise hides it.
    loss = np.array([0.005, 0.006, 0.004, 0.005, 0.005])
    table = stand(best=0.8 + 5 * NOISE, paired=0.8 + 5 * NOISE - loss)
    assert table["standing"].tolist() == ["best", "worse"]
    table = stand(best=0.8 + 5 * NOISE, other=0.8 + 5 * NOISE[::-1] - loss)
    assert table["standing"].tolist() == ["tied", "tied"]


def test_equal_strategies_are_tied_and_have_equal_numbers():
    table = stand(one=0.8 + NOISE, worse=0.5 + NOISE[::-1], other=0.8 + NOISE)
    assert table["standing"].tolist() == ["tied", "worse", "tied"]
    assert table.loc["one"].tolist() == table.loc["other"].tolist()


def test_the_same_loss_in_every_seed_is_certain():
    # Binary fractions, so that the differences are equal to the last bit.
    values = np.array([0.5, 0.625, 0.75])
    table = stand(best=values, worse=values - 1 / 128)
    assert table["standing"].tolist() == ["best", "worse"]
    assert table.loc["worse", ["difference", "diff low", "diff high"]].tolist() == [-1 / 128] * 3


def test_what_was_worse_in_every_seed_is_beaten_even_if_that_is_not_shown():
    # Binary fractions; one large loss among small ones is beyond no doubt.
    loss = np.array([1, 1, 1, 1, 64]) / 1024
    values = np.array([0.5, 0.625, 0.75, 0.5, 0.875])
    table = stand(beaten=values - loss, best=values, once=values - [0, *loss[1:]])
    assert table["standing"].tolist() == ["tied"] * 3
    assert table["beaten"].tolist() == [True, False, False]


def test_a_strategy_may_be_beaten_by_another_than_the_one_with_the_highest_mean():
    values = 0.5 + NOISE
    wild = 0.5 + np.array([-0.4, 0.4, 0.4, 0.4, -0.4])
    table = stand(highest=wild, steady=values, below=values - 0.01)
    assert table["beaten"].tolist() == [False, False, True]
    assert table["standing"].tolist() == ["tied"] * 3


def test_a_strategy_alone_is_the_best():
    table = stand(only=0.8 + NOISE)
    assert table["standing"].tolist() == ["best"]
    assert table["beaten"].tolist() == [False]
    assert table.loc["only", ["difference", "diff low", "diff high"]].tolist() == [0, 0, 0]


def random_grid():
    rng = np.random.default_rng(0)
    return grid(
        *(
            (
                domain,
                size,
                {name: rng.uniform(0.4, 0.9) + 0.03 * rng.normal(size=4) for name in "cab"},
            )
            for domain in ("similar", "different")
            for size in ("much", "little")
        )
    )


def test_every_cell_is_what_the_metrics_say():
    runs = random_grid()
    table = standings(runs)
    for (domain, size), rows in table.groupby(["domain", "size"]):
        cell = runs[(runs["domain"] == domain) & (runs["size"] == size)]
        rows = rows.set_index("strategy")
        best = cell.groupby("strategy")["test"].mean().idxmax()
        for name, values in cell.groupby("strategy")["test"]:
            assert tuple(rows.loc[name, ["estimate", "low", "high"]]) == mean_interval(values)
        against = paired_differences(cell, "strategy", "test", best).set_index("strategy")
        assert len(against) == 2
        np.testing.assert_array_equal(
            rows.loc[against.index, ["difference", "diff low", "diff high"]],
            against[["estimate", "low", "high"]],
        )
        # Worse than the best by a test that holds for all strategies together.
        worse = against.index[(against["p"] <= 0.05) & (against["estimate"] < 0)]
        assert set(rows.index[rows["standing"] == "worse"]) == set(worse)
        alone = len(worse) == len(rows) - 1
        assert rows.loc[best, "standing"] == ("best" if alone else "tied")
        values = cell.pivot_table("test", "seed", "strategy")
        for name, row in rows.iterrows():
            lost = [(values[other] > values[name]).all() for other in values if other != name]
            assert row["beaten"] == any(lost)
    assert set(table["standing"]) == {"best", "tied", "worse"}


def test_a_cell_does_not_depend_on_the_others():
    runs = random_grid()
    alone = [standings(cell) for _, cell in runs.groupby(["domain", "size"], sort=False)]
    pd.testing.assert_frame_equal(standings(runs), pd.concat(alone, ignore_index=True))


def test_cells_and_strategies_keep_their_order_and_the_runs_stay_as_they_are():
    runs = random_grid()
    before = runs.copy()
    table = standings(runs)
    pd.testing.assert_frame_equal(runs, before)
    assert table.columns.tolist() == COLUMNS
    assert table.index.tolist() == list(range(12))
    cells = ["domain", "size", "strategy"]
    expected = runs[cells].drop_duplicates().reset_index(drop=True)
    pd.testing.assert_frame_equal(table[cells], expected)
    assert table["n"].tolist() == [4] * 12
    assert table["beaten"].dtype == bool


def test_other_columns_do_not_matter():
    runs = random_grid()
    more = runs.assign(validation=0.5, choice="", seconds=1.0)
    pd.testing.assert_frame_equal(standings(more), standings(runs))


def test_a_strategy_that_was_run_once_is_refused():
    runs = grid(("near", "little", {"a": [0.5, 0.6], "b": [0.7]}))
    with pytest.raises(ValueError, match="at least two"):
        standings(runs)
