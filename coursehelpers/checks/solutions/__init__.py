"""The published solutions, one module per notebook; their text has no other home."""
