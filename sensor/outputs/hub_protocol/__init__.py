"""The protocol between a sensor and its hub: messages, batches, credentials, joining and hunts."""
