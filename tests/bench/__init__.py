"""`make bench`: ratios measured in one run, since absolute figures depend on the machine and its neighbours."""
