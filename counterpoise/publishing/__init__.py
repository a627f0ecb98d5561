"""A finished model as others load it: a folder or a hub repository with weights, tokenizer and model card."""
