"""Part 3 of the regularization notebook: the training procedure."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from

exercise = partial(exercise, notebook="regularization")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "swapped": "The two values seem to be in the wrong order.",
        "looked beyond the stop": "The best epoch lies after the stop; training never sees that loss.",
        "counted from 1": "Epochs count from 0, as Keras counts them.",
        "never stopped": "Training runs to the end here, although the patience runs out before.",
        "stopped too early": "Training stops one epoch too early; which one uses up the patience?",
        "stopped too late": "Training stops one epoch too late; which one uses up the patience?",
        "compared with the epoch before": "Compare with the best loss so far, not the one before.",
        "counted a tie as an improvement": "An equal loss is no improvement; it has to be smaller.",
        "never reset the count": "Start counting anew after every improvement.",
        "stopped after the end": "Training cannot go on after the last loss of the list.",
        "returned losses": "These are losses; return the numbers of their epochs.",
        "no stop, no return": "Nothing is returned if no stop comes; which epoch is the last one then?",
    }
)


@exercise(
    "early_stopping",
    section="3.1 Early stopping",
    points=4,
    hints=[
        "Keep the best epoch so far; an epoch improves only if its loss is strictly smaller.",
        "After each epoch ask: how many epochs ago was the best one? Is that the patience?",
        "If the patience never runs out, the last epoch trained is the last of the list.",
    ],
)
def early_stopping(answer, expect, rng):
    # Each has its own use; an improvement follows each stop, so that a late one differs.
    curves = [
        ([9, 7, 5, 6, 6.5, 7, 4, 6, 6.2, 6.4, 6.6, 3], 3),  # nothing after the stop counts
        ([9, 7, 8, 8.5, 6, 7, 6.9, 7.7, 5, 5.5, 5.6, 5.7, 5.8, 4], 3),  # recovers in time once
        ([4, 3, 2, 2, 2.5, 1.5, 1.6, 1.7, 1.8, 1], 2),  # an equal loss is no improvement
        ([4, 3, 2, 3, 2.5], 4),  # the patience never runs out
    ]
    for losses, patience in curves:
        val_losses = np.array(losses) * rng.uniform(0.5, 2)
        stopped, best = _stopping(val_losses, patience)
        last, best_of_all = len(val_losses) - 1, int(np.argmin(val_losses))
        expect.given = f"For the losses {np.round(val_losses, 2).tolist()} and patience {patience}"
        got = answer.call(val_losses.tolist(), patience)
        silent = got is None and best + patience > last
        expect.that(not silent, "", mistakes=known(("no stop, no return", True)))
        expect.close(
            expect.pair(got, "the last epoch that is trained and the best epoch"),
            (stopped, best),
            points=1,
            otherwise="Return the epoch that uses up the patience, or the last, and the best one.",
            mistakes=known(
                ("looked beyond the stop", (stopped, best_of_all)),
                ("swapped", (best, stopped)),
                ("counted from 1", (stopped + 1, best + 1)),
                ("counted from 1", (stopped + 1, best)),
                ("returned losses", val_losses[[stopped, best]]),
                ("never stopped", (last, best_of_all)),
                ("never reset the count", _stopping(val_losses, patience, reset=False)),
                ("stopped too early", _stopping(val_losses, patience - 1)),
                ("stopped too late", _stopping(val_losses, patience + 1)),
                ("compared with the epoch before", _stopping(val_losses, patience, previous=True)),
                ("counted a tie as an improvement", _stopping(val_losses, patience, ties=True)),
                ("stopped after the end", (best + patience, best)),
            ),
        )


def _stopping(val_losses, patience, previous=False, ties=False, reset=True):
    """Apply the rule of `keras.callbacks.EarlyStopping`, or a known misreading of it."""
    best, wait, reference = 0, 0, np.inf
    for epoch, val_loss in enumerate(val_losses):
        improved = val_loss <= reference if ties else val_loss < reference
        wait = wait + 1 if not improved else 0 if reset else wait
        if improved or previous:
            reference = val_loss
        if val_loss < val_losses[best] or (ties and val_loss <= val_losses[best]):
            best = epoch
        if wait >= patience and not improved:
            break
    return epoch, best
