"""How many photos are read: in order, in bounded memory, and with an end to every thread."""

import contextlib
import os
import random
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from coursehelpers.data import (
    DataError,
    ImageError,
    Skipped,
    decoding,
    iterate_images,
    read_image,
    read_images,
)

properties = settings(derandomize=True, deadline=None, max_examples=60)


def photos(folder, count):
    paths = [folder / f"{i:03}.png" for i in range(count)]
    for i, path in enumerate(paths):
        Image.new("RGB", (9, 7), (i, 0, 0)).save(path)
    return paths


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-images")]


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    assert readers() == []


@contextlib.contextmanager
def decoder(function):
    """Replace the decoder by ``function(number of the path)``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "decode", lambda path, *_: function(int(path.stem)))
        yield


def numbered(number):
    return np.full((2, 2, 3), number, np.uint8)


def names(count):
    return [f"{i}.jpg" for i in range(count)]


def test_photos_are_read_like_one_by_one(tmp_path):
    paths = photos(tmp_path, 20)
    images = read_images(map(str, paths), 5, threads=3)
    assert (images.x.dtype, images.index.dtype, images.skipped) == (np.uint8, np.int64, ())
    np.testing.assert_array_equal(images.x, [read_image(path, 5) for path in paths])
    np.testing.assert_array_equal(images.index, np.arange(20))


@pytest.mark.parametrize("function", [read_image, read_images, iterate_images])
def test_options_reach_the_decoder(tmp_path, function):
    path = tmp_path / "0.png"
    Image.linear_gradient("L").resize((30, 90)).save(path)
    crop, squeeze = (
        function(path if function is read_image else [path], 9, resize=resize)
        for resize in ("crop", "squeeze")
    )
    if function is iterate_images:
        crop, squeeze = next(crop), next(squeeze)
    if function is not read_image:
        crop, squeeze = crop.x[0], squeeze.x[0]
    assert np.ptp(squeeze) > 200
    assert np.ptp(crop) < 100


def test_no_paths_give_no_photos():
    assert list(iterate_images([], 8)) == []
    images = read_images([], 8)
    assert images.x.shape == (0, 8, 8, 3)
    assert (images.index.tolist(), images.skipped) == ([], ())


@pytest.mark.parametrize("read", [read_images, iterate_images])
def test_single_path_is_refused(tmp_path, read):
    for path in ("photo.jpg", tmp_path / "photo.jpg"):
        with pytest.raises(ValueError, match=r"a list of files, .*photo\.jpg'.*use read_image"):
            read(path, 8)


def test_unreadable_files_are_skipped_with_their_reasons(tmp_path):
    paths = photos(tmp_path, 6)
    paths[0].write_bytes(b"")
    paths[3].write_text("no photo")
    paths[5].unlink()
    images = read_images(paths, 8)
    assert images.index.tolist() == [1, 2, 4]
    assert images.x[:, 0, 0, 0].tolist() == [1, 2, 4]
    assert images.skipped == (
        Skipped(paths[0], "is empty"),
        Skipped(paths[3], "is not an image that Pillow can read"),
        Skipped(paths[5], "cannot be opened: No such file or directory"),
    )


def test_nothing_but_unreadable_files_is_an_error_that_names_one(tmp_path):
    paths = [tmp_path / "one.jpg", tmp_path / "two.jpg"]
    for read in (read_images, lambda *args: list(iterate_images(*args))):
        with pytest.raises(DataError, match=r"None of 2 files .*one\.jpg cannot be opened"):
            read(paths, 8)


def test_other_errors_are_not_taken_for_damage():
    def fail(number):
        raise RuntimeError(f"a mistake at {number}")

    with decoder(fail), pytest.raises(RuntimeError, match="a mistake at 0"):
        read_images(names(3), 2)


@properties
@given(st.data())
def test_batches_are_full_in_order_and_complete(data):
    count = data.draw(st.integers(1, 40))
    bad = data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    batch_size, threads, ahead = (data.draw(st.integers(1, most)) for most in (9, 4, 3))
    pause = random.Random(0)

    def read(number):
        time.sleep(pause.choice((0, 0, 0.0005)))
        if number in bad:
            raise ImageError(f"{number}.jpg", "is bad")
        return numbered(number)

    with decoder(read):
        batches = list(
            iterate_images(names(count), 2, batch_size=batch_size, threads=threads, ahead=ahead)
        )
    index = [int(i) for batch in batches for i in batch.index]
    assert index == [i for i in range(count) if i not in bad]
    assert [int(x[0, 0, 0]) for batch in batches for x in batch.x] == index
    assert [int(s.path.stem) for batch in batches for s in batch.skipped] == sorted(bad)
    assert {len(batch.x) for batch in batches[:-1]} <= {batch_size}
    assert 1 <= len(batches[-1].x) <= batch_size
    for batch in batches:
        assert len(batch.x) == len(batch.index)


def test_batches_are_the_callers_to_keep_and_change():
    with decoder(numbered):
        batches = list(iterate_images(names(6), 2, batch_size=2))
    batches[0].x[:] = 99
    assert [batch.x[0, 0, 0, 0] for batch in batches] == [99, 2, 4]


@pytest.mark.parametrize("ahead", [1, 3])
def test_decoding_runs_ahead_of_the_consumer_but_not_further(ahead):
    started = []

    def read(number):
        started.append(number)
        return numbered(number)

    with decoder(read):
        batches = iterate_images(names(200), 2, batch_size=4, threads=2, ahead=ahead)
        assert started == []
        for position, _ in enumerate(batches, start=1):
            # One more than the batches, which shows that this one was full.
            most = min(200, (position + ahead) * 4 + 1)
            deadline = time.monotonic() + 60
            while len(started) < most and time.monotonic() < deadline:
                time.sleep(0.001)
            assert len(started) == most


def test_several_photos_are_decoded_at_a_time():
    # Every one waits for two others, which only works if three are at it.
    meeting = threading.Barrier(3, timeout=60)

    def read(number):
        meeting.wait()
        return numbered(number)

    with decoder(read):
        assert len(read_images(names(9), 2, threads=3).x) == 9


def test_bar_counts_every_file_and_closes(tmp_path, bars):
    paths = photos(tmp_path, 5)
    paths[4].write_bytes(b"")
    read_images(paths, 8)
    (bar,) = bars
    assert (bar.n, bar.total, bar.closed) == (5, 5, True)


# --- Leaving early ------------------------------------------------------------------------------


def test_closing_the_iterator_ends_the_threads_and_the_rest():
    done = []

    def read(number):
        time.sleep(0.002)
        done.append(number)
        return numbered(number)

    with decoder(read):
        batches = iterate_images(names(500), 2, batch_size=4, threads=2)
        next(batches)
        assert readers()
        batches.close()
        assert readers() == []
        count = len(done)
        time.sleep(0.01)
    assert len(done) == count < 30


def test_exception_of_the_consumer_ends_the_threads():
    def consume():
        with contextlib.closing(iterate_images(names(500), 2, batch_size=4)) as batches:
            for _ in batches:
                raise KeyError("consumer")

    with decoder(numbered), pytest.raises(KeyError, match="consumer"):
        consume()


@pytest.mark.parametrize("at", [0, 5, 90])
def test_interrupt_while_waiting_ends_threads_and_bar_at_once(at, bars):
    def read(number):
        if number == at:
            # What Ctrl-C does: a signal to the process, which its main thread gets.
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.005)
        return numbered(number)

    start = time.monotonic()
    with decoder(read), pytest.raises(KeyboardInterrupt):
        read_images(names(10_000), 2, threads=2)
    # A thread that was just being started when the signal came may end a moment later.
    while readers():
        assert time.monotonic() - start < 5
        time.sleep(0.001)
    assert bars[0].closed


def test_files_are_closed_and_unchanged(tmp_path):
    paths = photos(tmp_path, 8)
    paths[3].write_bytes(paths[3].read_bytes()[:50])
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    assert read_images(paths, 8).skipped[0].path == paths[3]
    if opened is not None:
        assert len(os.listdir("/proc/self/fd")) == opened
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths] == before
