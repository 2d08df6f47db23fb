"""The exact search on the lattice of tile shapes."""
