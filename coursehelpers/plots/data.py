"""Pictures of data and of what is fitted to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from coursehelpers.plots.core import BESIDE, STYLES, axes_or_new, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Function = Callable[[np.ndarray], ArrayLike]

# One for each style: what lies in a region may be of another class than is predicted there.
HATCHES = ("", "/", "\\", ".", "-", "x")
RESOLUTION = 200  # points on each side of the grid of `plot_decision_boundary`
AUGMENTED = 8  # images in a row of `plot_augmentations`


def show_images(
    images: ArrayLike,
    labels: Sequence[str] | None = None,
    *,
    columns: int = 10,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw images side by side, each with its label below.

    Parameters
    ----------
    images : ndarray, shape (n, height, width) or (n, height, width, 3)
        Grey or colour images, ``uint8`` in 0..255 or float in 0..1.
    labels : sequence of str, optional
        One text per image.
    columns : int, default 10
        Images in a row.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the images have another number of dimensions or a label is missing.
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not len(images):
        raise ValueError(
            "images must have shape (n, height, width) or (n, height, width, 3), n at least 1, "
            f"got {images.shape}."
        )
    labels = [""] * len(images) if labels is None else [str(label) for label in labels]
    if len(labels) != len(images):
        raise ValueError(f"There are {len(images)} images but {len(labels)} labels.")
    n, height, width = images.shape[:3]
    rows, columns = -(-n // columns), min(columns, n)
    ax = axes_or_new(ax, (0.95 * columns, (0.75 + 0.2 * any(labels)) * rows * height / width + 0.3))
    top = 255 if images.dtype == np.uint8 else 1
    row_height = height * (1.35 if any(labels) else 1.08)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, upper = (i % columns) * width * 1.08, (i // columns) * row_height
        extent = (left, left + width, upper + height, upper)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=top, extent=extent)
        ax.text(left + width / 2, upper + height * 1.05, label, ha="center", va="top", fontsize=7)
    ax.set_xlim(0, columns * width * 1.08)
    ax.set_ylim(rows * row_height, 0)
    ax.set_axis_off()
    return ax


def plot_augmentations(
    images: ArrayLike, augmenters: Mapping[str, Function], *, ax: "Axes | None" = None
) -> "Axes":
    """Draw images as each augmenter transforms them: a row for each, the originals on top.

    Parameters
    ----------
    images : ndarray, shape (n, height, width) or (n, height, width, channels)
        Floats in 0..1, or what else the augmenters take and `show_images` draws. Fewer than eight
        are repeated to fill a row.
    augmenters : mapping of str to callable
        Name to a function from such images to as many of the same size.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    images = np.asarray(images)
    row = images[np.arange(AUGMENTED) % len(images)]
    rows = [row, *(np.asarray(augmenter(row)) for augmenter in augmenters.values())]
    stacked = np.concatenate(rows)
    if stacked.dtype.kind == "f":
        stacked = stacked.clip(0, 1)  # noise may leave the range of colours
    if stacked.ndim == 4 and stacked.shape[-1] == 1:
        stacked = stacked[..., 0]
    ax = show_images(stacked, columns=AUGMENTED, ax=ax)
    names = ["original", *augmenters]
    width, height = row.shape[2], ax.get_ylim()[0] / len(rows)
    for i, name in enumerate(names):
        ax.text(-0.1 * width, (i + 0.46) * height, name, ha="right", va="center", fontsize=8)
    # Room for the names: a letter takes about a twelfth of an image.
    ax.set_xlim(left=-width * (0.1 + max(map(len, names)) / 12))
    return ax


def plot_regression_fit(
    x: ArrayLike,
    y: ArrayLike,
    curves: Mapping[str, Function],
    *,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot one-feature training data, fitted curves and, if given, validation data.

    Parameters
    ----------
    x, y : array-like, shape (m,)
        Training data.
    curves : mapping of str to callable
        Name of a fit to its prediction, a function of an array.
    validation : tuple of array-like, optional
        ``(x, y)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    pairs = styled(curves.items(), STYLES[2:] + STYLES[:2])
    ax = axes_or_new(ax)
    x, y = np.ravel(x), np.ravel(y)
    x_validation, y_validation = map(np.ravel, validation or ((), ()))
    everything, seen = np.append(x, x_validation), np.append(y, y_validation)
    margin = 0.05 * np.ptp(everything)
    grid = np.linspace(everything.min() - margin, everything.max() + margin, 200)
    for (name, curve), style in pairs:
        ax.plot(grid, curve(grid), color=style["color"], linestyle=style["linestyle"], label=name)
    # A curve that leaves the data must not squeeze it to a line.
    margin = 0.5 * np.ptp(seen) or 0.5
    ax.set_ylim(seen.min() - margin, seen.max() + margin)
    ax.scatter(x, y, s=50, color=STYLES[0]["color"], marker="o", label="training", zorder=3)
    if validation is not None:
        ax.scatter(
            x_validation,
            y_validation,
            s=60,
            facecolors="none",
            edgecolors=STYLES[1]["color"],
            linewidths=2,
            marker="s",
            label="validation",
            zorder=3,
        )
    ax.set(xlabel="feature x", ylabel="label y")
    ax.legend()
    return ax


def plot_decision_boundary(
    predict: Function, x: ArrayLike, y: ArrayLike, *, names: Sequence[str], ax: "Axes | None" = None
) -> "Axes":
    """Plot which class is predicted where, and the examples of each class.

    Parameters
    ----------
    predict : callable
        From a float32 array of shape (n, 2) to the probabilities of the classes, shape
        (n, classes).
    x : array-like, shape (n, 2)
        Examples with two features.
    y : array-like of int, shape (n,)
        Their class numbers, from 0.
    names : sequence of str
        One for each class, of which there are at least two.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `predict` returns another shape or numbers that are not finite.
    """
    x, y = np.asarray(x, float), np.asarray(y)
    looks = list(styled(names))
    margin = 0.1 * np.ptp(x, axis=0)
    margin[margin == 0] = 0.5
    sides = np.linspace(x.min(axis=0) - margin, x.max(axis=0) + margin, RESOLUTION).T
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2).astype(np.float32)
    scores = np.asarray(predict(grid))
    if scores.shape != (len(grid), len(names)):
        raise ValueError(
            f"predict must return shape (n, classes); for n = {len(grid)} and {len(names)} classes "
            f"it returned shape {scores.shape}."
        )
    if not np.isfinite(scores).all():
        raise ValueError("predict returned numbers that are not finite; did the training diverge?")
    ax = axes_or_new(ax, (6.4, 4.4))
    for k, (name, style) in enumerate(looks):
        lead = scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)
        lead = lead.reshape(RESOLUTION, RESOLUTION)
        if lead.max() > 0:
            color, top = style["color"], 2 * lead.max()
            region = ax.contourf(
                *sides, lead, levels=[0, top], colors=[color], alpha=0.2, hatches=[HATCHES[k]]
            )
            region.set_gid(f"{name} predicted")
        if lead.min() < 0 < lead.max():
            ax.contour(*sides, lead, levels=[0], colors="0.2", linewidths=1.5)
        first, second = x[y == k].T
        ax.scatter(
            first,
            second,
            s=30,
            color=style["color"],
            marker=style["marker"],
            edgecolors="white",
            linewidths=0.5,
            label=name,
            zorder=3,
        )
    ax.set(xlabel="feature 1", ylabel="feature 2")
    # Beside the picture, where no example can be below it.
    ax.legend(**BESIDE)
    return ax
