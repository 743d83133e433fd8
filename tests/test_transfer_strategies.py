"""What the grid measures, that test labels decide nothing, and how strategies stand in its cells."""

import re
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest

from coursehelpers.data import Parts, load_cats_dogs, load_fashion_mnist
from coursehelpers.metrics import mean_interval, paired_differences
from coursehelpers.models import blocks, build_backbone
from coursehelpers.transfer import load_grid, standings, strategies
from coursehelpers.transfer.strategies import (
    DOMAINS,
    SIZES,
    STRATEGIES,
    build_stages,
    draw_cell,
    load_domain,
    measure,
)
from tests.tiny_backbone import tiny_backbone

pytestmark = pytest.mark.heavy

SHAPES = {"similar": (32, 32, 3), "different": (28, 28)}
TRAINING = {"similar": 4_000, "different": 12_000}


@pytest.fixture(scope="module")
def domains():
    return {domain: load_domain(domain) for domain in DOMAINS}


@pytest.fixture
def loaded(domains, monkeypatch):
    """Load each domain only once; unpacking takes half a second."""
    monkeypatch.setattr(strategies, "load_domain", lambda domain: domains[domain])


# --- Data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", DOMAINS)
def test_domain_has_two_balanced_classes_and_2000_test_images(domains, domain):
    for (x, y), n in zip(domains[domain], (TRAINING[domain], 2_000), strict=True):
        assert x.shape == (n, *SHAPES[domain])
        assert y.shape == (n,)
        assert (x.dtype, y.dtype) == (np.uint8, np.int64)
        assert np.bincount(y).tolist() == [n // 2, n // 2]


def test_domains_are_what_their_names_say(domains):
    for (x, y), (x_all, y_all) in zip(domains["similar"], load_cats_dogs(), strict=True):
        np.testing.assert_array_equal(x, x_all)
        np.testing.assert_array_equal(y, y_all)
    # T-shirts are class 0 of Fashion-MNIST and shirts class 6.
    for (x, y), (x_all, y_all) in zip(domains["different"], load_fashion_mnist(), strict=True):
        for label, original in enumerate((0, 6)):
            np.testing.assert_array_equal(x[y == label], x_all[y_all == original])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("domain", DOMAINS)
def test_cell_has_its_sizes_and_all_of_the_test(loaded, domains, domain, size):
    parts = draw_cell(domain, size, seed=0)
    assert isinstance(parts, Parts)
    (x, y), (x_val, y_val), (x_test, y_test) = parts
    assert (len(x), len(x_val)) == (len(y), len(y_val)) == tuple(SIZES[size].values())
    for labels in (y, y_val):
        assert np.bincount(labels).tolist() == [len(labels) // 2, len(labels) // 2]
    np.testing.assert_array_equal(x_test, domains[domain][1][0])
    np.testing.assert_array_equal(y_test, domains[domain][1][1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("domain", DOMAINS)
def test_no_image_is_both_in_training_and_in_validation(domains, monkeypatch, domain, size):
    # Numbered, because Fashion-MNIST may hold an image twice.
    (x, y), test = domains[domain]
    monkeypatch.setattr(strategies, "load_domain", lambda domain: ((np.arange(len(x)), y), test))
    drawn = {}
    for seed in (0, 0, 1):
        (train, y_train), (validation, y_val), _ = draw_cell(domain, size, seed)
        chosen = np.concatenate([train, validation])
        assert len(set(chosen.tolist())) == sum(SIZES[size].values())
        np.testing.assert_array_equal(y[chosen], np.concatenate([y_train, y_val]))
        if seed in drawn:
            np.testing.assert_array_equal(drawn[seed], chosen)
        drawn[seed] = chosen
    count = SIZES[size]["train"]
    for part in (slice(count), slice(count, None)):
        shared = np.intersect1d(drawn[0][part], drawn[1][part])
        # By chance, as many as the part's share of the whole.
        assert len(shared) < 2 * len(drawn[0][part]) ** 2 / len(x) + 10


# --- Measuring ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (("other", "little", "head on top features"), "domain must be one of similar, different"),
        (("similar", "huge", "head on top features"), "size must be one of little, much, got 'hu"),
        (("similar", "little", "head"), f"strategy must be one of {', '.join(STRATEGIES)}, got 'h"),
    ],
)
def test_unknown_names_are_refused_by_a_list_of_those_there_are(cell, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        measure(*cell, seed=0)


def test_run_is_a_row_of_the_grid(loaded, monkeypatch):
    def strategy(parts, size, seed):
        assert len(parts.train[0]) == SIZES[size]["train"]
        return {"validation": 0.75, "test": 0.7, "choice": f"seed {seed}"}

    monkeypatch.setitem(STRATEGIES, "invented", strategy)
    run = measure("different", "much", "invented", seed=3)
    assert list(run) == list(load_grid())
    assert run.pop("seconds") >= 0
    cell = {"domain": "different", "size": "much", "strategy": "invented", "seed": 3}
    assert run == cell | {"validation": 0.75, "test": 0.7, "choice": "seed 3"}


@pytest.mark.parametrize(
    ("domain", "strategy"),
    [("similar", "head on top features"), ("different", "fine-tune few blocks")],
)
def test_measured_again_is_what_is_stored(domain, strategy):
    # Networks from scratch are left out: they magnify the rounding of another processor.
    cell = {"domain": domain, "size": "little", "strategy": strategy, "seed": 0}
    run, frame = measure(**cell), load_grid()
    (stored,) = frame[(frame[list(cell)] == list(cell.values())).all(axis=1)].to_dict("records")
    for part in ("validation", "test"):
        # One of a hundred validation images may fall to the other side on another processor.
        assert run[part] == pytest.approx(stored[part], abs=0.0101)
    assert run["choice"] == stored["choice"]


# --- Features -----------------------------------------------------------------------------------


def test_stages_are_the_pooled_ends_of_their_blocks_side_by_side():
    import keras

    model, columns = build_stages(image_size=32)
    assert list(columns) == [*strategies.STAGES, "top"]
    # One begins where the one before ends, the first at 0 and the last at the end.
    ends = [0, *(part.stop for part in columns.values())]
    assert [part.start for part in columns.values()] == ends[:-1]
    assert ends == sorted(set(ends))
    assert model.output_shape == (None, ends[-1])

    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    features = model.predict_on_batch(images)
    backbone = build_backbone(input_shape=(32, 32, 3), pooling="avg")
    found = blocks(backbone)
    # In the order of depth, so that an early stage is an early one.
    assert list(found).index("top") > max(map(list(found).index, strategies.STAGES))
    assert sorted(strategies.STAGES, key=list(found).index) == list(strategies.STAGES)
    ends = [found[name][-1].output for name in strategies.STAGES]
    *maps, top = keras.Model(backbone.input, [*ends, backbone.output]).predict_on_batch(images)
    expected = [*(end.mean(axis=(1, 2)) for end in maps), top]
    for part, right in zip(columns.values(), expected, strict=True):
        np.testing.assert_allclose(features[:, part], right, rtol=1e-4, atol=1e-5)


@pytest.fixture
def tiny(monkeypatch):
    """A backbone in no time instead of the large one, and stages that it has."""
    monkeypatch.setattr(strategies, "build_backbone", lambda **_: tiny_backbone(32))
    monkeypatch.setattr(strategies, "IMAGE_SIZE", 32)
    monkeypatch.setattr(strategies, "build_stages", partial(build_stages, image_size=32))
    monkeypatch.setattr(strategies, "STAGES", ("block1a", "block3a"))


TUNING = {"keep_last": 3, "rates": (1e-6, 1e-2), "epochs": {"little": 4}}
SCRATCH = {"epochs": {"little": 2}, "patience": {"little": 1}}


@pytest.mark.parametrize(
    ("strategy", "changed", "choice"),
    [
        ("head on top features", {}, ""),
        ("head on earlier features", {"stages": ("block1a", "block3a")}, "block[13]a"),
        ("fine-tune few blocks", TUNING, r"learning rate (1e-06|0\.01)"),
        ("small network from scratch", SCRATCH, "[12] of 2 epochs"),
    ],
)
def test_labels_of_the_test_decide_nothing(tiny, strategy, changed, choice):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(192) % 2)
    # Hard to tell apart, so that what is chosen from differs in accuracy.
    x = (rng.integers(0, 250, (192, 28, 28)) + 2 * y[:, None, None]).astype(np.uint8)
    parts = Parts(*((x[i::3], y[i::3]) for i in range(3)))
    strategy = partial(STRATEGIES[strategy], **changed)
    found = strategy(parts, "little", 0)
    flipped = parts._replace(test=(parts.test[0], 1 - parts.test[1]))
    other = strategy(flipped, "little", 0)
    assert re.fullmatch(choice, found["choice"])
    assert (other["validation"], other["choice"]) == (found["validation"], found["choice"])
    # The same predictions are right where they were wrong.
    assert found["test"] + other["test"] == pytest.approx(1)
    assert 0 <= found["validation"] <= 1


# --- The stored grid ----------------------------------------------------------------------------


def test_stored_grid_has_one_row_for_each_run_with_values_in_their_ranges():
    frame = load_grid()
    runs = frame[["seed", "strategy", "size", "domain"]].itertuples(index=False, name=None)
    assert list(runs) == list(product(range(5), STRATEGIES, SIZES, DOMAINS))
    for part in ("validation", "test"):
        assert frame[part].between(0, 1).all()
    # Rates of 2,000 test images in both domains, as precisely as Keras counts.
    right = frame["test"] * 2000
    assert (right - right.round()).abs().max() < 1e-3
    assert (frame["seconds"] > 0).all()
    assert frame["choice"].map(type).eq(str).all()
    rates = [f"learning rate {rate:g}" for rate in strategies.FEW["rates"]]
    for name, choices in frame.groupby("strategy")["choice"]:
        choice = {
            "head on top": "",
            "head on earlier": "|".join(strategies.STAGES),
            "fine-tune": "|".join(rates),
        }
        kind = next((kind for kind in choice if name.startswith(kind)), None)
        assert choices.str.fullmatch(choice.get(kind, r"\d+ of \d+ epochs")).all()


# --- How strategies stand -----------------------------------------------------------------------

NOISE = np.array([-0.01, 0.0, 0.02, -0.02, 0.01])


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


LOSS = np.array([0.005, 0.006, 0.004, 0.005, 0.005])
# Binary fractions, so that differences are exact.
EXACT, LOST = np.array([0.5, 0.625, 0.75, 0.5, 0.875]), np.array([1, 1, 1, 1, 64]) / 1024


@pytest.mark.parametrize(
    ("accuracies", "standing", "beaten"),
    [
        # All others are clearly worse.
        ((0.6 + NOISE, 0.8 + NOISE[::-1]), "worse best", [True, False]),
        # What was not shown to be worse is tied, and then nothing is best.
        (
            (0.8 + NOISE, 0.795 + NOISE[::-1], 0.6 + NOISE),
            "tied tied worse",
            [False, False, True],
        ),
        # Seeds are paired: a small loss counts in every seed, and not where noise hides it.
        ((0.8 + 5 * NOISE, 0.8 + 5 * NOISE - LOSS), "best worse", [False, True]),
        ((0.8 + 5 * NOISE, 0.8 + 5 * NOISE[::-1] - LOSS), "tied tied", [False, False]),
        ((0.8 + NOISE, 0.5 + NOISE[::-1], 0.8 + NOISE), "tied worse tied", [False, True, False]),
        # The same loss in every seed is certain.
        ((EXACT, EXACT - 1 / 128), "best worse", [False, True]),
        # Worse in every seed is beaten even if that is not shown: one loss is large among small.
        (
            (EXACT - LOST, EXACT, EXACT - [0, *LOST[1:]]),
            "tied tied tied",
            [True, False, False],
        ),
        # A strategy may be beaten by another than the one with the highest mean.
        (
            (0.5 + np.array([-0.4, 0.4, 0.4, 0.4, -0.4]), 0.5 + NOISE, 0.49 + NOISE),
            "tied tied tied",
            [False, False, True],
        ),
        ((0.8 + NOISE,), "best", [False]),
    ],
)
def test_strategies_stand_as_their_seeds_say(accuracies, standing, beaten):
    cell = {f"strategy {i}": values for i, values in enumerate(accuracies)}
    table = standings(grid(("near", "little", cell)))
    assert table["standing"].tolist() == standing.split()
    assert table["beaten"].tolist() == beaten
    means = np.array([values.mean() for values in accuracies])
    differences = table["difference"].astype(float)
    np.testing.assert_allclose(differences, means - means.max(), atol=1e-12)
    highest = table.loc[means.argmax(), ["difference", "diff low", "diff high"]]
    assert highest.tolist() == [0, 0, 0]


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


def test_cells_and_strategies_keep_their_order_and_stand_alone():
    runs = random_grid()
    before = runs.copy()
    table = standings(runs)
    pd.testing.assert_frame_equal(runs, before)
    assert table.columns.tolist() == [
        *("domain", "size", "strategy", "estimate", "low", "high", "n"),
        *("difference", "diff low", "diff high", "standing", "beaten"),
    ]
    cells = ["domain", "size", "strategy"]
    expected = runs[cells].drop_duplicates().reset_index(drop=True)
    pd.testing.assert_frame_equal(table[cells], expected)
    assert table["n"].tolist() == [4] * 12
    assert table["beaten"].dtype == bool
    alone = [standings(cell) for _, cell in runs.groupby(["domain", "size"], sort=False)]
    pd.testing.assert_frame_equal(table, pd.concat(alone, ignore_index=True))
    # Other columns do not matter.
    more = runs.assign(validation=0.5, choice="", seconds=1.0)
    pd.testing.assert_frame_equal(standings(more), table)


def test_a_strategy_that_was_run_once_is_refused():
    runs = grid(("near", "little", {"a": [0.5, 0.6], "b": [0.7]}))
    with pytest.raises(ValueError, match="at least two"):
        standings(runs)
