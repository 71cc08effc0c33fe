"""Parts that the rules of categories are made of."""
