"""The notebooks as files: executed, compared with their stored outputs, published, made copies of.

`run` executes a notebook with papermill; `validate` lets nbval compare the recorded outputs with the
stored ones without running anything again; `publish` stores the outputs of the standard profile,
and writes the times and the README's table; `student` writes the students' copies.
"""
