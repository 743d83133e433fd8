"""What the grid measures: which data, which features, and that test labels decide nothing."""

import re
from functools import partial

import numpy as np
import pytest

from coursehelpers.data import Parts, load_cats_dogs, load_fashion_mnist
from coursehelpers.models import blocks, build_backbone
from coursehelpers.transfer import grid, strategies
from coursehelpers.transfer.strategies import (
    DOMAINS,
    SIZES,
    STRATEGIES,
    Measured,
    Scratch,
    Tuning,
    build_stages,
    draw_cell,
    load_domain,
    measure,
)
from tests.tiny_backbone import tiny_backbone

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


@pytest.mark.parametrize("domain", ["other", "Similar", "", None])
def test_unknown_domain_is_refused_by_a_list_of_those_there_are(domain):
    message = f"domain must be one of similar, different, got {domain!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        load_domain(domain)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("domain", DOMAINS)
def test_cell_has_its_sizes_and_all_of_the_test(loaded, domains, domain, size):
    parts = draw_cell(domain, size, seed=0)
    assert isinstance(parts, Parts)
    (x, y), (x_val, y_val), (x_test, y_test) = parts
    assert (len(x), len(x_val)) == (len(y), len(y_val)) == SIZES[size]
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
        assert len(set(chosen.tolist())) == sum(SIZES[size])
        np.testing.assert_array_equal(y[chosen], np.concatenate([y_train, y_val]))
        if seed in drawn:
            np.testing.assert_array_equal(drawn[seed], chosen)
        drawn[seed] = chosen
    for part in (slice(SIZES[size].train), slice(SIZES[size].train, None)):
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
        assert len(parts.train[0]) == SIZES[size].train
        return Measured(0.75, 0.7, f"seed {seed}")

    monkeypatch.setitem(STRATEGIES, "invented", strategy)
    run = measure("different", "much", "invented", seed=3)
    assert tuple(run) == grid.COLUMNS
    assert run.pop("seconds") >= 0
    cell = {"domain": "different", "size": "much", "strategy": "invented", "seed": 3}
    assert run == cell | {"validation": 0.75, "test": 0.7, "choice": "seed 3"}


def test_measured_anew_is_what_is_stored():
    cell = {"domain": "similar", "size": "little", "strategy": "head on top features", "seed": 0}
    run = measure(**cell)
    frame = grid.load_grid()
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


TUNING = Tuning(3, (1e-6, 1e-2), {"little": 4})
SCRATCH = Scratch({"little": 2}, {"little": 1})


@pytest.mark.parametrize(
    ("strategy", "changed", "choice"),
    [
        ("head on top features", {}, ""),
        ("head on earlier features", {"stages": ("block1a", "block3a")}, "block[13]a"),
        ("fine-tune few blocks", {"tuning": TUNING}, r"learning rate (1e-06|0\.01)"),
        ("small network from scratch", {"scratch": SCRATCH}, "[12] of 2 epochs"),
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
    assert re.fullmatch(choice, found.choice)
    assert (other.validation, other.choice) == (found.validation, found.choice)
    # The same predictions are right where they were wrong.
    assert found.test + other.test == pytest.approx(1)
    assert 0 <= found.validation <= 1
