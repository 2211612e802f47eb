"""A page on this computer, `nnreg play`, on which techniques move under one's hands."""
