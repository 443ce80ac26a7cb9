"""Updates of a gateway without internet: a signed archive, a second release beside the first, and a way back."""
