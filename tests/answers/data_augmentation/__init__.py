"""Answers to the exercises of the data augmentation notebook, one module each."""
