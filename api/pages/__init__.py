"""The pages on which people see what is failing: a form of the catalogue of reads, for eyes."""
