"""The only module that knows the operating system: how far a submission is kept apart."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import coursehelpers

# Bytes of address space, of a file and processes; TensorFlow needs half of the first.
LIMITS = {"RLIMIT_AS": 6 * 2**30, "RLIMIT_FSIZE": 2**28, "RLIMIT_NPROC": 256, "RLIMIT_CORE": 0}
NOBODY = 65534


class Isolation(NamedTuple):
    """A way to keep a submission apart.

    Attributes
    ----------
    name : str
        "bubblewrap" (no network, read-only system, unprivileged user, own home and processes) or
        "limits only" (memory, files and processes).
    """

    name: str

    def command(self, command, home):
        """Return the command that runs another one kept apart, with a home of its own."""
        if self.name != "bubblewrap":
            return command
        root = os.geteuid() == 0
        # Whoever may read every file has to become somebody who may not.
        unprivileged = _UNPRIVILEGED if root else ()
        user = () if root else ("--unshare-user",)
        return [
            *("bwrap", "--die-with-parent", "--new-session", *user),
            *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
            *(part for folder in _parents(home) for part in ("--perms", "0755", "--dir", folder)),
            *(part for path in _readable() for part in ("--ro-bind-try", path, path)),
            *("--bind", home, home, "--chdir", home),
            *unprivileged,
            *command,
        ]


_UNPRIVILEGED = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"),
)


def choose(required=False):
    """Return the best isolation that works here.

    Raises
    ------
    SystemExit
        If `required`, and there is less than bubblewrap.
    """
    if _bubblewrap_works():
        return Isolation("bubblewrap")
    if required:
        raise SystemExit(
            "--isolation=required needs bubblewrap, which is not installed or not allowed here. "
            "On Debian and Ubuntu: sudo apt install bubblewrap"
        )
    return Isolation("limits only")


@functools.cache
def _bubblewrap_works():
    if not shutil.which("bwrap"):
        return False
    tried = Isolation("bubblewrap").command([sys.executable, "-c", ""], os.getcwd())
    return subprocess.run(tried, capture_output=True).returncode == 0


def _readable():
    """Return what a kernel has to read: the system, this Python, and the package with its data."""
    package = Path(coursehelpers.__file__).resolve().parents[1]
    paths = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", sys.base_prefix]
    return [*paths, sys.prefix, str(package / "coursehelpers"), str(package / "data")]


def _parents(home):
    """Return the folders above what has to be read; bubblewrap would make them for root alone."""
    above = {folder for path in [*_readable(), home] for folder in Path(path).parents}
    return sorted(map(str, above - {Path("/")}))


def environment(home):
    """Return the environment of a kernel: nothing of the grader's own."""
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "PATH": os.defpath,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def give(home):
    """Let the kernel's user write to its home."""
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)


def limit():
    """Limit this process for good, from inside: hard limits can only be lowered."""
    import resource

    for name, most in LIMITS.items():
        resource.setrlimit(getattr(resource, name), (most, most))
