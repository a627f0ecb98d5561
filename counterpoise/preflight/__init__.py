"""What a model can and cannot do, found before anything is computed with it."""
