"""Figures of runs and ablations, and the HTML report that contains them.

A figure is a :class:`~nlpcl.analysis.figures.kinds.Kind`: one function loads plain data from a run
folder, another draws them. All of them are listed in :mod:`nlpcl.analysis.figures.registry`.
"""
