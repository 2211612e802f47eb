"""A word is a technique: found, typed, built, explained."""
