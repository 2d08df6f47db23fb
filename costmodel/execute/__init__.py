"""What a workload computes: values in, values out, by the operational definition of Einsums."""
