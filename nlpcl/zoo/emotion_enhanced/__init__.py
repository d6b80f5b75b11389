"""Speaker-adversarial recurrent model of speech emotion."""
