"""Exports small models of many kinds as people export them, with TensorFlow's own
answers to a few rows: the files in model/tensorflow/testdata/exports, which tell
whether the vetting of graphs lets ordinary models through and whether they score
alike.

    python3 -m venv .cache/exports && .cache/exports/bin/pip install tensorflow-cpu==2.18.1
    .cache/exports/bin/python scripts/tensorflow/exports.py model/tensorflow/testdata/exports
"""

import json
import os
import pathlib
import sys
import tempfile
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

K, L = tf.keras, tf.keras.layers
K.utils.set_random_seed(7)
random = np.random.default_rng(7)


def floats(*shape):
    return random.normal(size=shape).round(3).astype("float32")


def ids(*shape):
    return random.integers(0, 20, size=shape).astype("float32")


def sequential(shape, *layers, dtype=None):
    return K.Sequential([K.Input(shape, dtype=dtype), *layers])


def attention():
    words = K.Input((6,))
    x = L.Embedding(20, 8)(words)
    x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 4)(x, x)]))
    return K.Model(words, L.Dense(2)(L.GlobalMaxPooling1D()(x)))


def named():
    inputs = {name: K.Input((1,), name=name) for name in ("age", "income")}
    x = L.Concatenate()(list(inputs.values()))
    return K.Model(inputs, {
        "risk": L.Dense(1, "sigmoid", name="risk")(x),
        "kind": L.Dense(3, "softmax", name="kind")(x),
    })


def normalized():
    layer = L.Normalization()
    layer.adapt(floats(100, 11))
    return sequential((11,), layer, L.Dense(3))


def lookup():
    colour = K.Input((1,), dtype="string")
    x = L.CategoryEncoding(num_tokens=3, output_mode="one_hot")(L.StringLookup(vocabulary=["red", "white"])(colour))
    return K.Model(colour, L.Dense(2)(x))


class Loop(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def serve(self, x):
        i, y = tf.constant(0), x
        while i < 5:
            y, i = y * 1.5 + 1, i + 1
        if tf.reduce_sum(y) > 0:
            y = y + 1
        else:
            y = y - 1
        return {"y": y}


class Table(tf.Module):
    def __init__(self):
        super().__init__()
        self.codes = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["red", "white", "rose"], tf.constant([1, 2, 3], tf.int64)), -1)
        self.weights = tf.Variable([[1.0], [2.0], [3.0], [4.0]])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="colour"), tf.TensorSpec([None], tf.float32, name="x")])
    def serve(self, colour, x):
        code = self.codes.lookup(tf.strings.lower(colour))
        return {"code": code, "weight": tf.squeeze(tf.gather(self.weights, tf.maximum(code, 0)), 1) * x}


class Operations(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float32, name="x")])
    def serve(self, x):
        values, indices = tf.math.top_k(x, 3)
        left, right = tf.split(x, [2, 3], axis=1)
        return {
            "values": values, "indices": indices, "text": tf.strings.as_string(indices),
            "dot": tf.einsum("bi,bi->b", left, right[:, :2]), "columns": tf.gather(x, tf.constant([0, 2]), axis=1),
            "one_hot": tf.one_hot(tf.argmax(x, 1), 5), "great": tf.reduce_any(x > 1, axis=1),
            "positive": tf.where(x > 0, x, 0.0), "sums": tf.cumsum(x, axis=1),
        }


def models():
    yield "dense", sequential((11,), L.Dense(16, "relu"), L.BatchNormalization(), L.Dropout(0.5), L.Dense(9, "softmax")), floats(5, 11)
    yield "activations", sequential(
        (11,), L.Dense(16, "gelu"), L.Dense(8, "swish"), L.Dense(8, "elu"), L.Dense(8, "selu"), L.Dense(8, "softplus"),
        L.LeakyReLU(), L.PReLU(), L.LayerNormalization(), L.Dense(1)), floats(5, 11)
    yield "convolution", sequential(
        (8, 8, 1), L.Conv2D(4, 3, activation="relu", padding="same"), L.MaxPooling2D(), L.DepthwiseConv2D(2),
        L.SeparableConv2D(4, 2), L.GlobalAveragePooling2D(), L.Dense(10, "softmax")), floats(2, 8, 8, 1)
    yield "convolution1d", sequential((20, 3), L.Conv1D(4, 3, activation="relu"), L.AveragePooling1D(2), L.Flatten(), L.Dense(2)), floats(2, 20, 3)
    yield "lstm", sequential((7, 3), L.LSTM(5, return_sequences=True), L.LSTM(4), L.Dense(2)), floats(3, 7, 3)
    yield "gru", sequential((7, 3), L.Bidirectional(L.GRU(5)), L.Dense(2)), floats(3, 7, 3)
    yield "rnn", sequential((7, 3), L.SimpleRNN(5), L.Dense(2)), floats(3, 7, 3)
    yield "embedding", sequential((6,), L.Embedding(20, 4), L.GlobalAveragePooling1D(), L.Dense(3, "softmax")), ids(4, 6)
    yield "attention", attention(), ids(4, 6)
    yield "normalization", normalized(), floats(4, 11)
    yield "named", named(), {"age": floats(4, 1), "income": floats(4, 1)}
    yield "lookup", lookup(), np.array([["red"], ["green"]])
    yield "discretization", sequential((1,), L.Discretization(bin_boundaries=[0.0, 1.0]), L.Embedding(3, 2)), floats(4, 1)
    yield "loop", Loop(), floats(4)
    yield "table", Table(), {"colour": np.array(["Red", "rose", "blue"]), "x": floats(3)}
    yield "operations", Operations(), floats(4, 5)


def plain(tensor):
    """A tensor as lists, its strings as text."""
    if tensor.dtype == tf.string:
        return np.vectorize(lambda b: b.decode())(tensor.numpy()).tolist()
    return tensor.numpy().tolist()


def main(target):
    target.mkdir(parents=True, exist_ok=True)
    for name, model, rows in models():
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(model, K.Model):
                model.export(folder, verbose=False)
            else:
                tf.saved_model.save(model, folder, signatures=model.serve.get_concrete_function())
            serve = tf.saved_model.load(folder).signatures["serving_default"]
            names = list(serve.structured_input_signature[1])
            inputs = {k: tf.constant(v) for k, v in (rows if isinstance(rows, dict) else {names[0]: rows}).items()}
            answer = {"inputs": {k: plain(v) for k, v in inputs.items()}, "outputs": {k: plain(v) for k, v in serve(**inputs).items()}}
            (target / f"{name}.json").write_text(json.dumps(answer) + "\n")
            with zipfile.ZipFile(target / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
                for path in ["saved_model.pb", *(p.relative_to(folder).as_posix() for p in pathlib.Path(folder).glob("variables/*"))]:
                    z.write(pathlib.Path(folder) / path, path)
        print(name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
