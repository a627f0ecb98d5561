"""Toxicity of sentences by one small interface over several classifiers."""
