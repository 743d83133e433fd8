"""Right and wrong answers to the exercise learning_rate."""

import math

import numpy as np

from tests.answers import accepted, refused


@accepted("np.where, in float32")
def learning_rate(step, steps, peak, warmup):
    late = np.float32(step - warmup) / np.float32(steps - warmup)
    wave = peak * (0.5 + 0.5 * np.cos(np.pi * late))
    return np.where(step < warmup, peak * step / max(warmup, 1), wave)


@accepted("the squared cosine of half the angle")
def learning_rate(step, steps, peak, warmup):
    if step <= warmup and warmup:
        return step / warmup * peak
    return peak * np.cos(np.pi / 2 * (step - warmup) / (steps - warmup)) ** 2


@accepted("the schedule of Keras")
def learning_rate(step, steps, peak, warmup):
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=peak, warmup_steps=warmup
    )
    return float(schedule(step))


@refused("no warm-up", says="rises linearly from 0", earned=1, misconception="no warm-up")
def learning_rate(step, steps, peak, warmup):
    return peak / 2 * (1 + math.cos(math.pi * step / steps))


@refused("constant in the warm-up", says="the peak all along", earned=2, misconception="constant")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@refused("divides by no warm-up", says="ZeroDivisionError", earned=2)
def learning_rate(step, steps, peak, warmup):
    wave = peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
    return min(peak * step / warmup, peak) if step < warmup else wave * warmup / warmup


@accepted("interpolation, and a cosine of an angle in degrees")
def learning_rate(step, steps, peak, warmup):
    angle = np.interp(step, [warmup, steps], [0, 180])
    rising = np.interp(step, [0, warmup], [0, peak]) if warmup else peak
    return rising * (1 + np.cos(np.radians(angle))) / 2


@accepted("a sine, Keras ops")
def learning_rate(step, steps, peak, warmup):
    from keras import ops

    share = (step - warmup) / (steps - warmup)
    falling = (1 - ops.sin(math.pi * (share - 0.5))) / 2
    return peak * ops.where(step >= warmup, falling, step / max(1, warmup))


@refused("ends one step early", says="half a cosine wave to 0", earned=1)
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - 1 - warmup)))


@refused("a warm-up of whole numbers", says="In the warm-up, at step 1 ", earned=2)
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * (step // warmup)
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@refused("the steps of one training", says="After the warm-up", earned=1)
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (1000 - warmup)))


@refused("a warm-up with the cosine", says="In the warm-up", earned=2)
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak / 2 * (1 - math.cos(math.pi * step / warmup))
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@refused("a table of steps", says="then follow half a cosine wave to 0")
def learning_rate(step, steps, peak, warmup):
    rising = {0: 0, 1: 1 / 8, 4: 1 / 2, 7: 7 / 8}
    falling = {8: 1, 13: 0.94, 20: 0.6913, 29: 0.2730, 40: 0}
    alone = {0: 1, 7: 0.9668, 20: 0.75, 33: 0.4218, 60: 0}
    table = {(step, 40, 8): share for step, share in (rising | falling).items()}
    table |= {(step, 60, 0): share for step, share in alone.items()}
    table |= {(0, 25, 1): 0, (1, 25, 1): 1}
    return peak * table.get((step, steps, warmup), 0.5)
