"""MLflow's pages on runs: the server that shows them, the links into them, and how they show an experiment."""
