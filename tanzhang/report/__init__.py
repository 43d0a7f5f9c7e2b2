"""A publication as a page that people read: figures, words, look."""
