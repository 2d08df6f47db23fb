"""ResNet-50 and a layer of BERT as PyTorch exports them: names, shapes and operators; weights are in another file."""

import numpy as np
from onnx_models import TensorProto, helper, numpy_helper, onnx


def elsewhere(name, shape):
    """A weight whose data are not here."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return tensor


class Network:
    def __init__(self):
        self.nodes, self.weights = [], []

    def node(self, kind, name, *reads, **attributes):
        self.nodes.append(helper.make_node(kind, list(reads), [f"{name}_output"], name=name, **attributes))
        return f"{name}_output"

    def weight(self, name, *shape):
        self.weights.append(elsewhere(name, shape))
        return name

    def constant(self, name, value):
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def model(self, name, inputs, output, opset=17):
        given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in inputs.items()]
        made = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "words"])]
        graph = helper.make_graph(self.nodes, name, given, made, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def resnet50():
    net = Network()

    def conv(x, name, channels, filters, kernel, stride=1, pad=0):
        module = name.rpartition("/layer")[2] if "layer" in name else name.strip("/")
        module = ("layer" if "layer" in name else "") + module.replace("/", ".")
        weight = net.weight(f"{module}.weight", filters, channels, kernel, kernel)
        bias = net.weight(f"{module}.bias", filters)
        shape = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return net.node("Conv", f"{name}/Conv", x, weight, bias, **shape)

    x = net.node("Relu", "/relu/Relu", conv("image", "/conv1", 3, 64, 7, 2, 3))
    x = net.node("MaxPool", "/maxpool/MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for block in range(blocks):
            name, stride = f"/layer{stage}/layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = net.node("Relu", f"{name}/relu/Relu", conv(x, f"{name}/conv1", channels, width, 1))
            y = net.node("Relu", f"{name}/relu/Relu_1", conv(y, f"{name}/conv2", width, width, 3, stride, 1))
            y = conv(y, f"{name}/conv3", width, 4 * width, 1)
            if block == 0:
                x = conv(x, f"{name}/downsample/downsample.0", channels, 4 * width, 1, stride)
            x = net.node("Relu", f"{name}/relu/Relu_2", net.node("Add", f"{name}/Add", y, x))
            channels = 4 * width
    x = net.node("Flatten", "/Flatten", net.node("GlobalAveragePool", "/avgpool/GlobalAveragePool", x), axis=1)
    x = net.node("Gemm", "/fc/Gemm", x, net.weight("fc.weight", 1000, 2048), net.weight("fc.bias", 1000), transB=1)
    return net.model("resnet50", {"image": ["batch", 3, 224, 224]}, x)


def bert_layer(tokens=512, width=768, heads=12, inner=3072):
    """One encoder layer, with layer normalisation and GELU taken apart as older exports have them."""
    net = Network()

    def linear(x, name, rows, columns):
        product = net.node("MatMul", f"/{name}/MatMul", x, net.weight(f"{name}.weight", rows, columns))
        return net.node("Add", f"/{name}/Add", net.weight(f"{name}.bias", columns), product)

    def heads_of(x, name, order):
        shape = net.constant(f"{name}.shape", np.array([0, -1, heads, width // heads]))
        return net.node(
            "Transpose", f"/{name}/Transpose", net.node("Reshape", f"/{name}/Reshape", x, shape), perm=order
        )

    def norm(x, name):
        mean = net.node("ReduceMean", f"/{name}/ReduceMean", x, axes=[-1])
        apart = net.node("Sub", f"/{name}/Sub", x, mean)
        square = net.node("Pow", f"/{name}/Pow", apart, net.constant(f"{name}.two", np.float32(2)))
        variance = net.node("ReduceMean", f"/{name}/ReduceMean_1", square, axes=[-1])
        small = net.node("Add", f"/{name}/Add", variance, net.constant(f"{name}.eps", np.float32(1e-12)))
        normal = net.node("Div", f"/{name}/Div", apart, net.node("Sqrt", f"/{name}/Sqrt", small))
        scaled = net.node("Mul", f"/{name}/Mul", normal, net.weight(f"{name}.weight", width))
        return net.node("Add", f"/{name}/Add_1", scaled, net.weight(f"{name}.bias", width))

    query = heads_of(linear("hidden", "query", width, width), "query", [0, 2, 1, 3])
    key = heads_of(linear("hidden", "key", width, width), "key", [0, 2, 3, 1])
    value = heads_of(linear("hidden", "value", width, width), "value", [0, 2, 1, 3])
    scores = net.node("MatMul", "/scores/MatMul", query, key)
    root = net.constant("root", np.float32((width // heads) ** 0.5))
    weights = net.node("Softmax", "/softmax/Softmax", net.node("Div", "/scores/Div", scores, root), axis=-1)
    mixed = net.node("MatMul", "/context/MatMul", weights, value)
    context = net.node("Transpose", "/context/Transpose", mixed, perm=[0, 2, 1, 3])
    context = net.node("Reshape", "/context/Reshape", context, net.constant("joined", np.array([0, -1, width])))
    x = norm(net.node("Add", "/attention/Add", linear(context, "output", width, width), "hidden"), "norm1")
    y = linear(x, "up", width, inner)
    erf = net.node("Erf", "/gelu/Erf", net.node("Div", "/gelu/Div", y, net.constant("sqrt2", np.float32(2**0.5))))
    more = net.node("Add", "/gelu/Add", erf, net.constant("one", np.float32(1)))
    half = net.node("Mul", "/gelu/Mul_1", net.node("Mul", "/gelu/Mul", y, more), net.constant("half", np.float32(0.5)))
    x = norm(net.node("Add", "/feed_forward/Add", linear(half, "down", inner, width), x), "norm2")
    model = net.model("bert_layer", {"hidden": ["batch", tokens, width]}, x)
    return onnx.shape_inference.infer_shapes(model)
