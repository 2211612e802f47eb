"""The engines that run the jobs of a sweep."""
