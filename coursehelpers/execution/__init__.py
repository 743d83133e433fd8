"""Run the notebooks, compare what they show with what is stored, and publish it.

`run` executes a notebook with papermill and says what went wrong, exit code 0 or not; `validate`
lets nbval compare the recorded outputs with the stored ones without running anything again;
`publish` stores the outputs of the standard profile and writes the times and the README's table.
"""
