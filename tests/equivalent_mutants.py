"""Mutants that are right answers too, so that no check can refuse them.

For each exercise the answer's name and the change, the survivor's two lines as `- ...` and `+ ...`
joined by an arrow, with the reason why nothing tells the mutant from a right answer:

    "l1_penalty": {
        ("plain Python loop", "if value > 0: -> if value >= 0:"): "Zero has no sign to lose.",
    },

At most 5 % of an exercise's mutants may stand here.
"""

EQUIVALENT = {}
