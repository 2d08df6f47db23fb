"""What the user wrote: YAML with its places, units, architectures, workloads, mappings, studies."""
