"""All that is shown of a comparison: the page, its pictures, its files."""
