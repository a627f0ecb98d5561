"""Reads the weights out of an ONNX file: attributes of nodes and float tensors, and nothing else.

An ONNX file is one protocol-buffers message (onnx.proto3). Of its fields only those below are read: a model's graph;
a graph's nodes and initializers; a node's kind and attributes; an attribute's name and its strings, floats or integers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

GRAPH, NODE, TENSOR = 7, 1, 5
"""Field numbers: ModelProto.graph, GraphProto.node, GraphProto.initializer."""
KIND, ATTRIBUTE = 4, 5
"""NodeProto.op_type and .attribute."""
NAME, STRING, FLOATS, INTEGERS, STRINGS = 1, 4, 7, 8, 9
"""AttributeProto.name, .s, .floats, .ints and .strings."""
TENSOR_FLOATS, TENSOR_NAME = 4, 8
"""TensorProto.float_data and .name."""
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Node:
    """One operator's attributes by name; a single string counts as a list of one."""

    strings: Mapping[str, Sequence[str]]
    floats: Mapping[str, Floats]
    integers: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The nodes of a graph by their kind (the last of each), and its float tensors by name."""

    nodes: Mapping[str, Node]
    tensors: Mapping[str, Floats]


def read_onnx(data: bytes) -> OnnxFile:
    """The graph of an ONNX file; empty if the bytes hold none.

    Raises:
        ValueError, IndexError: the bytes are no protocol-buffers message.
    """
    nodes: dict[str, Node] = {}
    tensors: dict[str, Floats] = {}
    for graph in _message(data).get(GRAPH, []):
        parts = _message(graph)
        for raw in parts.get(NODE, []):
            fields = _message(raw)
            nodes[fields[KIND][0].decode()] = _node(fields.get(ATTRIBUTE, []))
        for raw in parts.get(TENSOR, []):
            fields = _message(raw)
            tensors[fields[TENSOR_NAME][0].decode()] = _floats(fields.get(TENSOR_FLOATS, []))
    return OnnxFile(nodes, tensors)


def _node(attributes: Sequence[bytes]) -> Node:
    strings: dict[str, Sequence[str]] = {}
    floats: dict[str, Floats] = {}
    integers: dict[str, Sequence[int]] = {}
    for raw in attributes:
        fields = _message(raw)
        name = fields[NAME][0].decode()
        strings[name] = [text.decode() for text in fields.get(STRINGS, fields.get(STRING, []))]
        floats[name] = _floats(fields.get(FLOATS, []))
        integers[name] = _integers(fields.get(INTEGERS, []))
    return Node(strings, floats, integers)


def _message(data: bytes) -> dict[int, list[Any]]:
    """Field number → its values: whole numbers, or bytes."""
    found: dict[int, list[Any]] = defaultdict(list)
    for number, value in _fields(data):
        found[number].append(value)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FOUR_BYTES, _EIGHT_BYTES):
            size = 4 if kind == _FOUR_BYTES else 8
        else:
            raise ValueError(f"no such wire type: {kind}")
        if at + size > len(data):
            raise ValueError("it ends in the middle of a field")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _floats(values: Sequence[bytes]) -> Floats:
    """Packed or not: little-endian 32-bit numbers, one after another."""
    return np.frombuffer(b"".join(values), dtype="<f4")


def _integers(values: Sequence[int | bytes]) -> list[int]:
    """Packed or not."""
    found: list[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            found.append(number)
    return found
