"""Forced alignment with any CTC model in ONNX, given as a folder."""
