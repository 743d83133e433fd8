"""Answers to the exercises of the regularization notebook, one module each."""
