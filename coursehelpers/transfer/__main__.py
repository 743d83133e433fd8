"""Command line: train a network on a folder of photos, on top of one trained on ImageNet."""

import argparse
import os
import sys
import warnings
from pathlib import Path

from coursehelpers.models import OFFLINE
from coursehelpers.profiles import DEVICES, prepare
from coursehelpers.transfer.cache import VARIABLE
from coursehelpers.transfer.workflow import IMAGE_SIZE, accuracy_text, transfer

SHOWN = 5  # skipped files that are named


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m coursehelpers.transfer",
        description="Train a network on a folder of photos, on top of one trained on ImageNet. The "
        "folder holds train/, validation/ and test/ with a folder per class each, or just a folder "
        "per class; parts that are missing are drawn.",
    )
    add = parser.add_argument
    add("folder", type=Path)
    add("--image-size", type=int, default=IMAGE_SIZE, help="pixels per side (default: %(default)s)")
    add("--backbone", default=OFFLINE, help="see build_backbone (default: %(default)s, offline)")
    add("--weights", default="imagenet", help="file of its weights, instead of a download")
    add("--keep-last", type=int, default=0, metavar="K", help="blocks to fine-tune (default: none)")
    add("--epochs", type=int, default=5, help="of fine-tuning (default: %(default)s)")
    add("--learning-rate", type=float, default=1e-5, help="of fine-tuning (default: %(default)s)")
    for part in ("validation", "test"):
        add(
            f"--{part}",
            type=float,
            default=0.15,
            metavar="SHARE",
            help="to draw if there is no such folder (default: %(default)s)",
        )
    add("--seed", type=int, default=0, help="of the draws (default: %(default)s)")
    add("--batch-size", type=int, default=32, help="photos at a time (default: %(default)s)")
    add("--device", choices=DEVICES, default="cpu")
    add("--save", type=Path, metavar="FILE.keras", help="where to store the model")
    add("--cache", type=Path, help=f"folder for features (default: {VARIABLE}, or the user's own)")
    add("--no-cache", action="store_true", help="neither read nor store features")
    options = parser.parse_args(arguments)
    if options.save and options.save.suffix != ".keras":
        parser.error(f"--save must end in .keras, got {options.save}.")
    if options.save and not os.access(options.save.parent, os.W_OK):
        parser.error(f"--save: nothing can be written to the folder {options.save.parent}.")
    if options.cache and options.no_cache:
        parser.error("--cache and --no-cache contradict each other.")
    return options


def run(options):
    """Train, store and tell; return the exit status."""
    prepare(seed=options.seed, device=options.device)
    result = transfer(
        options.folder,
        image_size=options.image_size,
        backbone=options.backbone,
        weights=options.weights,
        keep_last=options.keep_last,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        validation=options.validation,
        test=options.test,
        seed=options.seed,
        batch_size=options.batch_size,
        cache=False if options.no_cache else options.cache,
    )
    if options.save:
        result.model.save(options.save)
    for name, value in table(result, options.save):
        print(f"{name:<12}{value}")
    return 0


def table(result, saved=None):
    """Return the rows of what is told at the end, each a name and a text."""
    rows = [("classes", ", ".join(result.class_names)), ("photos", _counted(result.counts))]
    for name in ("validation", "test"):
        accuracy = getattr(result, name)
        rows.append((name, accuracy_text(accuracy) if accuracy else "no photos"))
    stages = ", ".join(f"{name} {value:.1f}" for name, value in result.seconds.items())
    rows.append(("seconds", f"{sum(result.seconds.values()):.1f} ({stages})"))
    rows.append(("skipped", f"{len(result.skipped)} files" if result.skipped else "none"))
    rows += [("", f"{path} {reason}") for path, reason in result.skipped[:SHOWN]]
    if len(result.skipped) > SHOWN:
        rows.append(("", f"and {len(result.skipped) - SHOWN} more"))
    if result.duplicates:
        rows.append(
            ("duplicates", f"{len(result.duplicates)} photos are in several parts or classes")
        )
        rows += [("", ", ".join(map(str, group))) for group in result.duplicates[:SHOWN]]
    if saved:
        rows.append(("model", saved))
    return rows


def _counted(counts):
    return f"{counts.train} training, {counts.validation} validation, {counts.test} test"


def main(arguments=None):
    options = parse(arguments)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default", UserWarning)
            status = run(options)
        for warning in caught:
            print(f"Note: {warning.message}", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError) as error:
        # What the user can do about it is in the message.
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
