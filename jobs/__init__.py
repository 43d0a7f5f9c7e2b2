"""The work: from institutions' files to what is published, in rooms along the data's way."""
