"""Records to console, disk and MLflow."""
