"""Weights to integers of 8 bits, so that what they are multiplied with changes the least: GPTQ (Frantar et al. 2023)."""

import numpy as np
from numpy.typing import NDArray

LEVELS = 127
# The weights of two features that follow each other, an even one and the next, together. Processors with AVX2 and no VNNI add
# the products of such two in 16 bits; an activation has up to 255, and 255 * 128 is the most that fits.
PAIR_LEVELS = 128
# Share of the mean of the diagonal that is added to it, as the method's authors do: without it, features that are zero or
# that say the same have no inverse.
DAMPING = 0.01


def round_columns(
    weight: NDArray[np.float32], moments: NDArray[np.float32]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a matrix in integers, and the scale of each of its columns.

    Feature by feature, what rounding has changed in the product is made up for by the features that are not rounded yet.

    Args:
        weight: shape ``(features, columns)``, an even number of features.
        moments: of the activations, shape ``(features, features)``; see :class:`~pipeline.training.activations.Activation`.

    Returns:
        Integers of the shape of ``weight``, and scales of shape ``(columns,)``.
    """
    sizes = np.abs(weight)
    # Half a level is kept free, so that no two are rounded up beyond what they may have together.
    pairs = (sizes[::2] + sizes[1::2]).max(axis=0) / (PAIR_LEVELS - 0.5)
    scales = np.maximum(pairs, sizes.max(axis=0) / LEVELS)
    scales[scales == 0] = 1
    left = weight.astype(np.float64)
    damped = moments + np.eye(len(weight)) * max(DAMPING * float(np.diag(moments).mean()), 1e-6)
    influence = np.linalg.cholesky(np.linalg.inv(damped)).T
    integers = np.zeros(weight.shape, np.int8)
    for feature, row in enumerate(influence):
        room = PAIR_LEVELS - np.abs(integers[feature - 1].astype(np.int16)) if feature % 2 else LEVELS
        most = np.minimum(room, LEVELS)
        integers[feature] = np.clip(np.rint(left[feature] / scales), -most, most)
        error = (left[feature] - integers[feature] * scales) / row[feature]
        left[feature + 1 :] -= np.outer(row[feature + 1 :], error)
    return integers, scales.astype(np.float32)
