"""Why is this number what it is? The derivation of one number of an evaluation, from the nest that made it.

A subject names a number: ``energy``, ``latency``, ``edp``, ``utilisation``, ``area``; of a level ``GLB.energy``,
``GLB.latency``, ``GLB.occupancy``; of a tensor there ``GLB.fill.A`` (or ``read``, ``update``, ``drain``),
``GLB.energy.A``, ``GLB.occupancy.A``, ``PEs.hop.A``; of a compute unit ``MAC.energy``, ``MAC.latency``.
"""
