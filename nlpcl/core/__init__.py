"""Foundations: errors, settings, files, tables, dataset rows, schedules, progress."""
