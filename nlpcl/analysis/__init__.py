"""What is asked of a finished model: words, modules, identity terms, rationales, figures."""
