"""Analyses of trained models: attributions, bypassed modules, bias, rationales, figures."""
