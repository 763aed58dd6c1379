"""Does not load."""
raise RuntimeError('this module is broken')
