"""Exercises about points and their copies, and about what a transformation leaves as it was.

Examples are compared as rows of an array, whatever their order.
"""

from functools import partial

import numpy as np

from coursehelpers.checks.core import as_numbers, describe, describe_numbers
from coursehelpers.checks.declared import exercise

exercise = partial(exercise, notebook="data_augmentation")

NO_NUMBERS = "Some entries are no numbers, but nan or inf; where do they come from?"


def numbers(part):
    """Return an answer's array as floats; an empty one if it is no array of numbers."""
    array = as_numbers(part)
    return np.empty((0, 0)) if array is None or not array.ndim else array.astype(float)


def rows(x, *labels):
    """Return one row for each example, its label behind its inputs; none if they do not fit."""
    if np.size(x) == 0 or any(np.size(y) != len(x) for y in labels):
        return np.empty((0, 1))
    return np.concatenate([np.reshape(part, (len(x), -1)) for part in (x, *labels)], axis=1)


def same_rows(one, other):
    """Say whether two arrays have the same rows, in any order."""
    if one.shape != other.shape:
        return False
    from scipy.optimize import linear_sum_assignment

    alike = np.isclose(one[:, None], other, rtol=1e-3, atol=1e-4).all(axis=2)
    # Each needs a partner of its own, even where several are nearly alike.
    return bool(alike[linear_sum_assignment(alike, maximize=True)].all())


def has_row(rows, row):
    return rows.shape[1:] == row.shape and bool(
        np.isclose(rows, row, rtol=1e-3, atol=1e-4).all(axis=1).any()
    )


def are_labels(y, count):
    """Say whether an array holds a label for each of so many examples, in a row or a column."""
    return y.shape in ((count,), (count, 1))


def missing(got, wanted, labels=False):
    """Say what is missing in an answer's rows, for messages.

    Parameters
    ----------
    got, wanted : numpy.ndarray
        Rows of an answer and those that are expected.
    labels : bool, default False
        Whether the last entry of each row is a label.

    Returns
    -------
    str
        A sentence on one of the wanted rows, or on how many there are.

    Examples
    --------
    >>> missing(np.eye(2), np.ones((2, 2)), labels=True)
    'For one example, [1] with label 1 is missing.'
    """
    for row in wanted:
        if not has_row(got, row):
            point, label = (row[:-1], f" with label {row[-1]:.3g}") if labels else (row, "")
            entries = ", ".join(f"{entry:.3g}" for entry in point)
            return f"For one example, [{entries}]{label} is missing."
    if len(got) == len(wanted):
        return "All are there, but some more often than others."
    return f"There are {len(got)} points, expected {len(wanted)}."


def _tripled(answer, expect, rng):
    # One feature, several, and a single point.
    for m, d, dtype, points, label_points in (
        (4, 1, "float64", 1, 0),
        (5, 3, "float64", 1, 1),
        (1, 2, "float32", 0, 0),
    ):
        x, y, noise = (rng.normal(size=shape).astype(dtype) for shape in ((m, d), m, (2, m, d)))
        expect.given = f"With x of shape {x.shape}"
        got = expect.pair(answer.call(x, y, noise), "the inputs and the labels")
        got_x, got_y = (numbers(part) for part in got)
        copies = x + noise[0], x + noise[1]

        def is_made_of(*parts, got_x=got_x):
            return same_rows(rows(got_x), np.concatenate(parts))

        wanted, labels = np.concatenate([x, *copies]), np.tile(y, 3)
        expect.require(
            got_x.shape == wanted.shape and are_labels(got_y, 3 * m),
            f"Expected inputs of shape {wanted.shape} and labels of shape {labels.shape}.",
            {
                "originals left out": is_made_of(*copies),
                "one copy only": got_x.shape == (2 * m, d),
            },
            f"Your function returned {describe_numbers(got[0])} and {describe_numbers(got[1])}.",
        )
        expect.require(np.isfinite(got_x).all() and np.isfinite(got_y).all(), NO_NUMBERS)
        x_right = same_rows(got_x, wanted)
        expect(
            x_right,
            points,
            "Beside each point there should be it plus each of its two draws in `noise`.",
            {
                "no noise": is_made_of(x, x, x),
                "noise on originals": not all(has_row(got_x, row) for row in x),
                "same copy twice": is_made_of(x, copies[0], copies[0]),
                "noise multiplied": is_made_of(x, x * noise[0], x * noise[1]),
                "noise subtracted": is_made_of(x, x - noise[0], x - noise[1]),
                "noise added up": is_made_of(x, copies[0], copies[0] + noise[1]),
            },
            missing(got_x, wanted),
        )
        if d == 1:
            continue
        both = ((got_x, got_y), (wanted, labels)) if x_right else ((got_y,), (labels,))
        got_rows, right = (rows(*parts) for parts in both)
        expect(
            same_rows(got_rows, right),
            label_points,
            "labels moved",
            {"labels apart": same_rows(rows(got_y), rows(labels))},
            missing(got_rows, right, labels=x_right),
        )


@exercise(
    "1.1 Three points for one",
    points=3,
    requires=_tripled,
    hints=[
        "noise has shape (2, m, d): noise[0] and noise[1] each fit on x.",
        "np.concatenate([x, x + noise[0], ...]) puts arrays below each other.",
        "The labels of the copies are those of the originals: np.concatenate([y, y, y]).",
    ],
    mistakes="""
originals left out | 0 | [x, x -> [x; y, y, y -> y, y | The points themselves are missing; they stay beside their copies.
one copy only | 0 | , x + noise[1] -> ; y, y, y -> y, y | There is one copy of each point; three stand for each: it and two copies.
no noise | 1 | x + noise[0], x + noise[1] -> x, x | The copies are exact; add the noise to them.
noise on originals | 1 | [x, -> [x := x + noise[0], | Not every point is there as it is; noise is for its two copies.
same copy twice | 1 | noise[1] -> noise[0] | Both copies of a point are the same; noise[0] and noise[1] differ.
noise multiplied | 1 | x + noise -> x * noise | The noise is to be added, not multiplied.
noise subtracted | 1 | x + noise -> x - noise | The noise is to be added, not subtracted.
noise added up | 1 | x + noise[1] -> x + noise[0] + noise[1] | The second copy has the first one's noise too; does += change x?
labels moved | 2 | y, y, y -> y, y + noise[0, :, 0], y + noise[1, :, 0] | The labels changed; only the inputs get noise.
labels apart | 2 | np.concatenate([y, y, y]) -> np.repeat(y, 3) | Points and labels do not belong together any more; repeat both alike.
labels apart | 2 | np.concatenate([y, y, y]) -> np.tile(y, 3)[::-1]
""",
)
def triple_with_noise(x, y, noise):
    """Return every point with two noisy copies of it, and their labels."""
    return np.concatenate([x, x + noise[0], x + noise[1]]), np.concatenate([y, y, y])


KEEPING = ("shift by one pixel", "turn by ten degrees", "brighten a little", "add a little noise")
BREAKING = ("mirror left and right", "mirror top and bottom", "half turn")


def _chosen_by_name(answer, expect, rng):
    names = [str(name) for name in rng.permutation([*KEEPING, *BREAKING])]
    got = answer.call(names)
    expect.require(
        isinstance(got, list) and all(isinstance(name, str) for name in got),
        f"Return a list of names, which are text. Your function returned {describe(got)}.",
        seen=f"The first one is {describe(got[0])}." if isinstance(got, list) and got else "",
    )
    chosen, count = set(got), f"Your function chose {len(got)} of {len(names)}"
    unknown = "".join(f"It is {name!r:.60}." for name in sorted(chosen - set(names))[:1])
    expect.require(not unknown, "no such name", seen=unknown)
    expect.require(len(chosen) == len(got), "Name each transformation once.", seen=f"{count}.")
    expect.require(got, "kept nothing")
    expect.require(len(got) < len(names), "all chosen")
    # What goes by places cannot be right in both of these orders.
    again = answer.call(names[1:] + names[:1])
    same = isinstance(again, list) and sorted(map(str, again)) == sorted(got)
    expect.require(same, "by place")
    wrong = [name for name in got if name in BREAKING]
    upside_down = {"half turn", "mirror top and bottom"} & chosen
    seen = f"{count}, with {' and '.join(map(repr, wrong))}."
    expect(not wrong, 1, "mirrored", {"upside down": upside_down}, seen)
    expect(set(KEEPING) <= chosen, 1, "too careful", seen=f"{count}.")


@exercise(
    "1.4 Which transformations keep the label",
    points=2,
    requires=_chosen_by_name,
    hints=[
        "Think of a 6 and a 9, of a 2 and an S.",
        "Mirrors and half turns make other signs; moving or turning a little does not.",
    ],
    mistakes="""
no such name | 0 | [name for -> [name.split()[0] for | This is none of the names that were given.
kept nothing | 0 | return [] | Some of them keep the label of every digit; none was chosen.
all chosen | 0 | return names | All were chosen, but some make one digit of another: imagine each of them.
by place | 0 | return names[:4] | In another order of names others are chosen; go by the names, not the places.
by place | 0 | return names[::2]
upside down | 1 | , "half turn" -> | Upside down a 6 looks like a 9, and mirrored top to bottom like neither.
upside down | 0 | not in breaking -> in breaking
mirrored | 1 | "mirror left and right", -> | Mirrored digits are no digits: a 2 then looks like an S, a 7 like a Γ.
mirrored | 0 | mirror left and right -> turn by ten degrees
too careful | 1 | return ["shift by one pixel"] | One is missing after which everybody still reads the same digit.
""",
)
def label_preserving(names):
    """Return the names of the transformations after which every digit is still the same digit."""
    breaking = ("mirror left and right", "mirror top and bottom", "half turn")
    return [name for name in names if name not in breaking]


def _split_first(answer, expect, rng):
    # The second time there are one feature and one point for validation.
    for n, d, validation, points in ((12, 2, 5, 1), (9, 1, 1, 0)):
        if expect.messages:  # a single point may be the right one by chance
            break
        x, noise = rng.normal(size=(n, d)), 0.1 * rng.normal(size=(n, d))
        y = np.arange(n) + 0.5
        # The last point is neither in the first nor in the last of the order.
        order = np.insert(rng.permutation(n - 1), validation, n - 1)
        expect.given = f"With {n} points, {validation} of them for validation"
        got = expect.pair(
            answer.call(x, y, noise, order, validation), "the training and the validation part"
        )
        parts = [expect.pair(part, "x and y, in each part") for part in got]
        train, kept = ([numbers(array) for array in part] for part in parts)
        expect.require(
            all(x.shape[1:] == (d,) and are_labels(y, len(x)) for x, y in (train, kept)),
            f"In each part x should have shape (..., {d}), and y a label for each point.",
            {"all x, all y": train[1].shape[1:] == (d,)},
            f"Training holds {_both(parts[0])}, validation {_both(parts[1])}.",
        )
        expect.require(all(np.isfinite(array).all() for array in (*train, *kept)), NO_NUMBERS)
        chosen, last = order[:-validation], order[-validation:]

        def part_of(some, copies, x=x, y=y, noise=noise):
            both = [x[some], x[some] + noise[some]] if copies else [x[some]]
            return rows(np.concatenate(both), np.tile(y[some], len(both)))

        def is_part(part, some, copies, part_of=part_of):
            return same_rows(rows(*part), part_of(some, copies))

        leaked = bool(set(train[1].ravel()) & set(kept[1].ravel()))
        noisy = same_rows(rows(kept[0]), x[last] + noise[last])
        expect(
            is_part(kept, last, False),
            points,
            "Validation should be the last points of `order`, as they are.",
            {
                "parts swapped": is_part(train, last, False),
                "ignored the order": is_part(kept, np.arange(n)[-validation:], False),
                "first ones": is_part(kept, order[:validation], False),
                "augmented before": leaked,
                "augmented validation": noisy or is_part(kept, last, True),
                "labels apart": same_rows(rows(kept[0]), x[last]),
            },
            missing(rows(*kept), part_of(last, False), labels=True),
        )
        right = part_of(chosen, True)
        there = all(has_row(rows(*train), row) for row in part_of(chosen, False))
        expect(
            is_part(train, chosen, True),
            1,
            "Training should be the other points and a noisy copy of each.",
            {
                "overlap": is_part(kept, last, False) and has_row(train[0], x[last[0]]),
                "augmented before": leaked,
                "not augmented": is_part(train, chosen, False),
                "labels apart": same_rows(rows(train[0]), right[:, :-1]),
                "noise of others": there and len(train[0]) == len(right),
            },
            missing(rows(*train), right, labels=True),
        )


def _both(part):
    return " and ".join(describe_numbers(array) for array in part)


@exercise(
    "2.2 Leakage",
    points=3,
    requires=_split_first,
    hints=[
        "order is a permutation of 0 to n - 1: order[-validation:] are the validation points.",
        "Only the training points get copies, and only after the split.",
        "The copies of the points `chosen` are x[chosen] + noise[chosen].",
    ],
    mistakes="""
all x, all y | 0 | return (x_train, x[last]), (y_train, y[last]) | Return pairs of x and y, one for each part, not all x and then all y.
parts swapped | 0 | return (x[last], y[last]), (x_train, y_train) | The parts are in the wrong order: first training, then validation.
ignored the order | 0 | chosen, last = -> order = np.arange(len(x));chosen, last = | Take the points as `order` has them; data may come sorted by class.
first ones | 0 | order[:-validation], order[-validation:] -> order[validation:], order[:validation] | The last of `order` are for validation, not the first.
augmented before | 0 | chosen, last = -> x, y = np.concatenate([x, x + noise]), np.concatenate([y, y]);order = np.concatenate([order, order + len(order)]);chosen, last =; [x[chosen], x[chosen] + noise[chosen]] -> [x[chosen]]; [y[chosen], y[chosen]] -> [y[chosen]] | A copy of a validation point is in the training part: split first.
augmented before | 1 | x[chosen] + noise[chosen] -> x + noise; [y[chosen], y[chosen]] -> [y[chosen], y]
augmented validation | 1 | (x[last], y[last]) -> (np.concatenate([x[last], x[last] + noise[last]]), np.tile(y[last], 2)) | Validation points are to be left as they are, without copies.
augmented validation | 1 | (x[last], -> (x[last] + noise[last],
overlap | 1 | x[chosen], x[chosen] + noise[chosen] -> x, x + noise; y[chosen], y[chosen] -> y, y | Some points are in both parts; they have to be disjoint.
not augmented | 1 | return (x[chosen], y[chosen]), (x[last], y[last]) | The training part has no copies; augment it after the split.
labels apart | 1 | np.concatenate([y[chosen], y[chosen]]) -> np.repeat(y[chosen], 2) | Points and labels do not belong together any more; treat both alike.
labels apart | 0 | y[chosen], y[chosen] -> y[:-validation], y[:-validation]; y[last] -> y[-validation:]
noise of others | 1 | noise[chosen] -> noise[: len(chosen)] | The points are there, their copies are wrong: noise[i] is for x[i].
noise of others | 1 | noise[chosen] -> noise[validation:]
""",
)
def split_then_augment(x, y, noise, order, validation):
    """Split off the last points of an order, then add a noisy copy of each of the others."""
    chosen, last = order[:-validation], order[-validation:]
    x_train = np.concatenate([x[chosen], x[chosen] + noise[chosen]])
    y_train = np.concatenate([y[chosen], y[chosen]])
    return (x_train, y_train), (x[last], y[last])
