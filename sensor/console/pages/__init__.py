"""Pages: one a file, in the same order: filter from the URL, one view, one template."""
