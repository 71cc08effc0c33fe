"""Parts that the rules of categories are made of: the rules for files of a storage, and small Arrow tables."""
