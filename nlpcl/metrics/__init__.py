"""Scores as pure functions over decoded predictions; one module a task, none imports torch."""
