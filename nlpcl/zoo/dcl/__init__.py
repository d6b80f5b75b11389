"""DCL-style dual contrastive learning (after arXiv 2307.05578)."""
