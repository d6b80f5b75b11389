"""What every room stands on: errors, settings, files, tables, rows, schedules, progress."""
