"""costmodel: what an Einsum costs on an accelerator, and the best way to run it."""

__version__ = "0.1.0"
