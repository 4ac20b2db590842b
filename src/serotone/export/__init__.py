"""Trained models in other forms: ONNX, half precision, eight bits, a page for the browser."""
