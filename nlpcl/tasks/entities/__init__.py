"""Named entities: spans of a text with a type, flat and nested."""
