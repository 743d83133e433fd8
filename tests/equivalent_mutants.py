"""Mutants that are right answers too, so that no check can refuse them.

For each exercise the answer's name and the change, the survivor's two lines as `- ...` and `+ ...`
joined by an arrow, with the reason why nothing tells the mutant from a right answer:

    "l1_penalty": {
        ("plain Python loop", "if value > 0: -> if value >= 0:"): "Zero has no sign to lose.",
    },

At most 5 % of an exercise's mutants may stand here.
"""

EQUIVALENT = {
    "label_preserving": {
        (
            "the others removed in place",
            "for breaking in ('half turn', 'mirror left and right', 'mirror top and bottom'): -> "
            "for breaking in ('half turn', 'mirror top and bottom', 'mirror left and right'):",
        ): "In which order they are removed does not matter.",
    },
    "calibration_error": {
        (
            "np.digitize, in float32",
            "for b in range(bins): -> for b in range(bins + 1):",
        ): "The bin beyond the last one is empty, and weighs nothing.",
    },
    "l1_penalty": {
        (
            "plain Python loop",
            "total += value if value > 0 else -value -> total += value if value >= 0 else -value",
        ): "Zero has no sign to lose.",
    },
    "choose_size": {
        (
            "lstsq in a loop",
            "if error < lowest: -> if error <= lowest:",
        ): "No two sizes have the same error.",
    },
    "ridge_towards": {
        (
            "gradient descent to the end",
            "step = 1 / (np.linalg.norm(x, 2) ** 2 + lambda_) -> "
            "step = 1 / (np.linalg.norm(x, 1) ** 2 + lambda_)",
        ): "Another step gets to the same minimum, if it goes on to the end.",
    },
    "l2_sp_penalty": {
        (
            "published",
            "return lambda_ * sum((np.sum((w - w0) ** 2) "
            "for w, w0 in zip(weights, pretrained, strict=True))) -> "
            "return lambda_ * sum((np.sum((w - w0) ** 2) "
            "for w, w0 in zip(pretrained, weights, strict=True)))",
        ): "A squared distance is the same in both directions.",
    },
}
