"""Mutants that are right answers too, so that no check can refuse them.

By exercise, then by the answer's name and the change as `make bank` prints it; the reason says why
nothing tells the mutant from the answer. At most 5 % of an exercise's mutants may stand here.
"""

EQUIVALENT = {}
