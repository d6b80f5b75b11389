"""ASRM: gates that calibrate an encoder's states."""
