"""Right and wrong answers to the exercise learning_rate."""

import math

import numpy as np

from tests.answers import accepted, refused


@accepted("two cases")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


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


@refused("constant", says="the peak all along", misconception="constant")
def learning_rate(step, steps, peak, warmup):
    return peak


@refused("no warm-up", says="rises linearly from 0", earned=1, misconception="no warm-up")
def learning_rate(step, steps, peak, warmup):
    return peak / 2 * (1 + math.cos(math.pi * step / steps))


@refused("constant in the warm-up", says="the peak all along", earned=2, misconception="constant")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@refused("one step ahead", says="starts at 0", earned=2, misconception="one step ahead")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@refused(
    "cosine of all steps", says="starts at the end", earned=2, misconception="cosine of all steps"
)
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(math.pi * step / steps))


@refused("too slow a wave", says="starts at the end", earned=2, misconception="cosine of all steps")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / steps))


@refused("quarter wave", says="a quarter of a wave", earned=1, misconception="quarter wave")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * math.cos(math.pi / 2 * (step - warmup) / (steps - warmup))


@refused("whole wave", says="a whole wave", earned=1, misconception="whole wave")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(2 * math.pi * (step - warmup) / (steps - warmup)))


@refused("linear", says="along a line", earned=1, misconception="linear")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * (1 - (step - warmup) / (steps - warmup))


@refused("rising", says="this one rises", earned=1, misconception="rising")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 - math.cos(math.pi * (step - warmup) / (steps - warmup)))


@refused("not halved", says="twice the right rate", earned=1, misconception="not halved")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@refused("degrees", says="angles in radians", earned=1, misconception="degrees")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(180 * (step - warmup) / (steps - warmup)))


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


@refused("without the 1", says="lift the cosine", earned=1, misconception="no 1 added")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * math.cos(math.pi * (step - warmup) / (steps - warmup))


@refused("falls in the warm-up", says="this one falls", earned=2, misconception="falling warm-up")
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * (warmup - step) / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


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


@refused("the steps of one training", says="Without a warm-up", earned=2)
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (40 - warmup)))


@refused("a warm-up with the cosine", says="In the warm-up", earned=2)
def learning_rate(step, steps, peak, warmup):
    if step < warmup:
        return peak / 2 * (1 - math.cos(math.pi * step / warmup))
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
