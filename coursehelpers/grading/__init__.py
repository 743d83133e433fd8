"""Grade submitted notebooks: the student's kernel only gives answers, the verdict is reached here."""
