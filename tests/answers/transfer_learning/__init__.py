"""Answers to the exercises of the transfer learning notebook, one module each."""
