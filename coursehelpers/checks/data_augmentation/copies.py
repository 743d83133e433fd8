"""Part 1 of the data augmentation notebook: new data from old."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import describe, describe_numbers, exercise, mistakes_from
from coursehelpers.checks.data_augmentation.rows import (
    NO_NUMBERS,
    are_labels,
    has_row,
    missing,
    numbers,
    rows,
    same_rows,
)

exercise = partial(exercise, notebook="data_augmentation")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "originals left out": "The points themselves are missing; they stay beside their copies.",
        "same copy twice": "Both copies of a point are the same; noise[0] and noise[1] differ.",
        "one copy only": "There is one copy of each point; three stand for each: it and two copies.",
        "labels moved": "The labels changed; only the inputs get noise.",
        "labels apart": "Points and labels do not belong together any more; repeat both alike.",
        "noise on originals": "Not every point is there as it is; noise is for its two copies.",
        "noise added up": "The second copy has the first one's noise too; does += change x?",
        "noise multiplied": "The noise is to be added, not multiplied.",
        "noise subtracted": "The noise is to be added, not subtracted.",
        "no noise": "The copies are exact; add the noise to them.",
        "by place": "In another order of names others are chosen; go by the names, not the places.",
        "no such name": "This is none of the names that were given.",
        "mirrored": "Mirrored digits are no digits: a 2 then looks like an S, a 7 like a Γ.",
        "upside down": "Upside down a 6 looks like a 9, and mirrored top to bottom like neither.",
        "all chosen": "All were chosen, but some make one digit of another: imagine each of them.",
        "too careful": "One is missing after which everybody still reads the same digit.",
        "kept nothing": "Some of them keep the label of every digit; none was chosen.",
    }
)


@exercise(
    "triple_with_noise",
    section="1.1 Three points for one",
    points=3,
    hints=[
        "noise has shape (2, m, d): noise[0] and noise[1] each fit on x.",
        "np.concatenate([x, x + noise[0], ...]) puts arrays below each other.",
        "The labels of the copies are those of the originals: np.concatenate([y, y, y]).",
    ],
)
def triple_with_noise(answer, expect, rng):
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
        expect.that(
            got_x.shape == wanted.shape and are_labels(got_y, 3 * m),
            f"Expected inputs of shape {wanted.shape} and labels of shape {labels.shape}.",
            mistakes=known(
                ("originals left out", is_made_of(*copies)),
                ("one copy only", got_x.shape == (2 * m, d)),
            ),
            seen=f"Your function returned {describe_numbers(got[0])} and "
            f"{describe_numbers(got[1])}.",
        )
        expect.that(np.isfinite(got_x).all() and np.isfinite(got_y).all(), NO_NUMBERS)
        x_right = same_rows(got_x, wanted)
        expect.that(
            x_right,
            "Beside each point there should be it plus each of its two draws in `noise`.",
            points=points,
            mistakes=known(
                ("no noise", is_made_of(x, x, x)),
                ("noise on originals", not all(has_row(got_x, row) for row in x)),
                ("same copy twice", is_made_of(x, copies[0], copies[0])),
                ("noise multiplied", is_made_of(x, x * noise[0], x * noise[1])),
                ("noise subtracted", is_made_of(x, x - noise[0], x - noise[1])),
                ("noise added up", is_made_of(x, copies[0], copies[0] + noise[1])),
            ),
            seen=missing(got_x, wanted),
        )
        if d == 1:
            continue
        both = ((got_x, got_y), (wanted, labels)) if x_right else ((got_y,), (labels,))
        got_rows, right = (rows(*parts) for parts in both)
        expect.that(
            same_rows(got_rows, right),
            "",
            points=label_points,
            mistakes=known(
                ("labels apart", same_rows(rows(got_y), rows(labels))), ("labels moved", True)
            ),
            seen=missing(got_rows, right, labels=x_right),
        )


@exercise(
    "label_preserving",
    section="1.4 Which transformations keep the label",
    points=2,
    hints=[
        "Think of a 6 and a 9, of a 2 and an S.",
        "Mirrors and half turns make other signs; moving or turning a little does not.",
    ],
)
def label_preserving(answer, expect, rng):
    names = [str(name) for name in rng.permutation([*KEEPING, *BREAKING])]
    got = answer.call(names)
    expect.that(
        isinstance(got, list) and all(isinstance(name, str) for name in got),
        f"Return a list of names, which are text. Your function returned {describe(got)}.",
        seen=f"The first one is {describe(got[0])}." if isinstance(got, list) and got else "",
    )
    chosen, count = set(got), f"Your function chose {len(got)} of {len(names)}"
    unknown = "".join(f"It is {name!r:.60}." for name in sorted(chosen - set(names))[:1])
    expect.that(not unknown, "", mistakes=known(("no such name", True)), seen=unknown)
    expect.that(len(chosen) == len(got), "Name each transformation once.", seen=f"{count}.")
    expect.that(got, "", mistakes=known(("kept nothing", True)))
    expect.that(len(got) < len(names), "", mistakes=known(("all chosen", True)))
    # What goes by places cannot be right in both of these orders.
    again = answer.call(names[1:] + names[:1])
    expect.that(
        isinstance(again, list) and sorted(map(str, again)) == sorted(got),
        "",
        mistakes=known(("by place", True)),
    )
    wrong = [name for name in got if name in BREAKING]
    upside_down = {"half turn", "mirror top and bottom"} & chosen
    expect.that(
        not wrong,
        "",
        points=1,
        mistakes=known(("upside down", upside_down), ("mirrored", True)),
        seen=f"{count}, with {' and '.join(map(repr, wrong))}.",
    )
    expect.that(
        set(KEEPING) <= chosen,
        "",
        points=1,
        mistakes=known(("too careful", True)),
        seen=f"{count}.",
    )


KEEPING = ("shift by one pixel", "turn by ten degrees", "brighten a little", "add a little noise")
BREAKING = ("mirror left and right", "mirror top and bottom", "half turn")
