"""The one batched forward pass."""

import numpy as np
import pytest

from fer_utils.backend import keras, tf
from fer_utils.inference import in_batches, predictor

LAYERS = keras.layers
INPUTS = np.random.default_rng(0).normal(size=(7, 6, 6, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    stack = [LAYERS.Conv2D(4, 3), LAYERS.Dropout(0.5), LAYERS.Flatten(), LAYERS.Dense(2)]
    return keras.Sequential([keras.Input((6, 6, 3)), *stack])


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, 7, 256])
def test_outputs_are_those_of_the_model_in_inference_mode(model, batch_size, padded):
    outputs = predictor(model, batch_size, padded=padded)(INPUTS)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, model(INPUTS, training=False), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("padded", "shapes"), [(True, [4, 4, 4, 4]), (False, [4, 3, 4, 1])])
def test_only_padded_batches_have_one_shape(model, padded, shapes):
    seen = []
    counted = keras.Sequential([keras.Input((6, 6, 3)), LAYERS.Flatten()])

    def count(inputs):
        tf.py_function(lambda rows: seen.append(len(rows)), [inputs], [])
        return inputs

    predict = predictor(counted, 4, preprocess=count, padded=padded)
    assert len(predict(INPUTS)) == 7
    assert len(predict(INPUTS[:5])) == 5
    assert seen == shapes


def test_an_output_is_bit_for_bit_the_same_with_however_many_other_inputs(model):
    predict = predictor(model, 4)
    np.testing.assert_array_equal(predict(INPUTS)[4:6], predict(INPUTS[4:6]))


def test_inputs_are_preprocessed(model):
    outputs = predictor(model, preprocess=lambda x: 2 * x)(INPUTS)
    np.testing.assert_allclose(outputs, predictor(model)(2 * INPUTS), rtol=1e-5, atol=1e-6)


def test_arrays_are_cut_together_and_results_joined():
    a, b = np.arange(5), np.arange(5) * 10
    assert in_batches(lambda *rows: sum(rows), 2, a, b).tolist() == [0, 11, 22, 33, 44]
    sizes = []
    in_batches(lambda rows: sizes.append(len(rows)) or rows, 2, a)
    assert sizes == [2, 2, 1]
