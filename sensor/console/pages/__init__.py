"""Pages, one in each file, with the same steps: filter from the URL, one view, one template."""
