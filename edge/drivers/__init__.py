"""One file per device: the vendor's document, its register rows, nothing else."""
