"""Pure functions of facts and rulebook, one module for each stage of the road."""
