"""Export: from a checkpoint to a verified ONNX model."""
