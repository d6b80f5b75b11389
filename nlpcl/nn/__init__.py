"""Building blocks of models: base class, layers, losses, devices, and what parts cost."""
