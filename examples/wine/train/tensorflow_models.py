"""Trains the TensorFlow models with Keras: a frozen graph and a SavedModel."""

import os
import pathlib
import shutil
import tempfile
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import data


def layers(x, outputs, activation):
    """The network that both models are: standardize, two hidden layers, outputs."""
    normalize = keras.layers.Normalization()
    normalize.adapt(x)
    return [
        normalize,
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(outputs, activation=activation),
    ]


def train(x, y, outputs, activation, loss):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((len(data.FEATURES),)), *layers(x, outputs, activation)])
    network.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss)
    network.fit(x, y, epochs=60, batch_size=32, verbose=0)
    return network


def frozen_graph(x, y, training):
    """A GraphDef: all features in one input `wine`, a probability for each quality out.

    The graph says nothing about its features or classes: the descriptor's
    options have to.
    """
    classes = y - data.QUALITIES[0]
    network = train(x[training], classes[training], len(data.QUALITIES), "softmax",
                    "sparse_categorical_crossentropy")

    @tf.function(input_signature=[tf.TensorSpec([None, len(data.FEATURES)], tf.float32, name="wine")])
    def score(wine):
        return tf.identity(network(wine, training=False), name="probabilities")

    frozen = convert_variables_to_constants_v2(score.get_concrete_function())
    tf.io.write_graph(frozen.graph, str(data.MODELS), "graph.pb", as_text=False)
    print("graph: inputs", [t.name for t in frozen.inputs], "outputs", [t.name for t in frozen.outputs])

    probabilities = score(tf.constant(x)).numpy()
    best = probabilities.argmax(axis=1)
    print(f"graph: accuracy {np.mean(best[~training] == classes[~training]):.3f} on the rows held out")
    columns = {"quality": np.array(data.QUALITIES)[best]}
    for i, quality in enumerate(data.QUALITIES):
        columns[f"probability({quality})"] = probabilities[:, i]
    data.write_expected("graph", columns)


class Wine(tf.Module):
    """A SavedModel whose signature has an input for each feature, by name."""

    def __init__(self, network):
        super().__init__()
        normalize, *dense = network.layers
        self.mean = tf.Variable(normalize.mean[0], trainable=False)
        self.deviation = tf.Variable(tf.sqrt(normalize.variance[0]), trainable=False)
        self.weights = [(tf.Variable(d.kernel), tf.Variable(d.bias)) for d in dense]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name=f) for f in data.FEATURES])
    def score(self, *features):
        values = (tf.stack(features, axis=1) - self.mean) / self.deviation
        *hidden, last = self.weights
        for kernel, bias in hidden:
            values = tf.nn.relu(values @ kernel + bias)
        return {"quality": tf.squeeze(values @ last[0] + last[1], axis=1)}


def saved_model(x, y, training):
    network = train(x[training], y[training].astype(np.float32), 1, None, "mse")
    module = Wine(network)
    with tempfile.TemporaryDirectory() as tmp:
        tf.saved_model.save(module, tmp, signatures=module.score)
        write_zip(pathlib.Path(tmp), data.MODELS / "savedmodel.zip")
    quality = module.score(*tf.unstack(tf.constant(x), axis=1))["quality"].numpy()
    error = np.sqrt(np.mean((quality - y)[~training] ** 2))
    print(f"savedmodel: root mean square error {error:.3f} on the rows held out")
    data.write_expected("savedmodel", {"quality": quality})


def write_zip(directory, path):
    """Zips a directory so that the same content gives the same bytes."""
    shutil.rmtree(directory / "assets", ignore_errors=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for file in sorted(p for p in directory.rglob("*") if p.is_file()):
            info = zipfile.ZipInfo(file.relative_to(directory).as_posix(), (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, file.read_bytes())


def main():
    tf.config.experimental.enable_op_determinism()
    data.MODELS.mkdir(exist_ok=True)
    x, y, training = data.load()
    x = x.astype(np.float32)
    frozen_graph(x, y, training)
    saved_model(x, y, training)


if __name__ == "__main__":
    main()
