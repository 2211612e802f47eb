"""The answer of a sweep: which technique was better, by how much, how sure that is, and at what tuning budget."""
