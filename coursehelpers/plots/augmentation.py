"""Pictures of augmented images, and of what more images are worth."""

import numpy as np

from coursehelpers.plots.core import axes_or_new, mark_values, styled
from coursehelpers.plots.data import show_images


def plot_augmentations(images, augmenters, *, columns=8, ax=None):
    """Draw images as each augmenter transforms them: a row for each, the originals on top.

    Parameters
    ----------
    images : ndarray, shape (n, height, width) or (n, height, width, channels)
        Floats in 0..1, or what else the augmenters take and `show_images` draws. They are repeated
        as often as it takes to fill a row.
    augmenters : mapping of str to callable
        Name to a function from such images to as many of the same size.
    columns : int, default 8
        Images in a row.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there is no image, or an augmenter returns another shape.
    """
    images = np.asarray(images)
    if not len(images):
        raise ValueError("There is no image to augment.")
    row = images[np.arange(columns) % len(images)]
    rows = [row]
    for name, augmenter in augmenters.items():
        changed = np.asarray(augmenter(row))
        if changed.shape != row.shape:
            raise ValueError(f"{name!r} makes shape {changed.shape} of {row.shape}.")
        rows.append(changed)
    stacked = np.concatenate(rows)
    if stacked.dtype.kind == "f":
        stacked = stacked.clip(0, 1)  # noise may leave the range of colours
    if stacked.ndim == 4 and stacked.shape[-1] == 1:
        stacked = stacked[..., 0]
    ax = show_images(stacked, columns=columns, ax=ax)
    names = ["original", *augmenters]
    width, height = row.shape[2], ax.get_ylim()[0] / len(rows)
    for i, name in enumerate(names):
        ax.text(-0.1 * width, (i + 0.46) * height, name, ha="right", va="center", fontsize=8)
    # Room for the names: a letter takes about a twelfth of an image.
    ax.set_xlim(left=-width * (0.1 + max(map(len, names)) / 12))
    return ax


def plot_learning_curve_over_m(frame, *, ylabel="test accuracy", ax=None):
    """Plot a score with its interval over the number of training examples.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``series``, ``m``, ``estimate``, ``low`` and ``high``; one row per point.
    ylabel : str, default "test accuracy"
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The sample size m on a logarithmic axis, with the sizes in the frame as ticks.

    Raises
    ------
    ValueError
        If there are more series than styles.
    """
    pairs = styled(frame.groupby("series", sort=False))
    ax = axes_or_new(ax)
    for (name, rows), style in pairs:
        rows = rows.sort_values("m")
        ax.plot(rows["m"], rows["estimate"], label=f"{name}", **style)
        band = ax.fill_between(
            rows["m"], rows["low"], rows["high"], color=style["color"], alpha=0.2, linewidth=0
        )
        band.set_gid(f"{name}, interval")
    ax.set(xlabel="training examples m", ylabel=ylabel, xscale="log")
    mark_values(ax, frame["m"])
    ax.legend()
    return ax
