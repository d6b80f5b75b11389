"""GlobalPointer."""
