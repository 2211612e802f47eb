"""Runs in MLflow: sent, kept, shown."""
