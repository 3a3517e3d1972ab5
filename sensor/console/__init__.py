"""Console: the local web pages and the API, over the datasets of a state folder. Needs the extra ``console``."""
