"""Studies: protocols x precursors x replicas, made into run folders and run."""
