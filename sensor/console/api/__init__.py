"""API: the views as JSON, described by OpenAPI."""
