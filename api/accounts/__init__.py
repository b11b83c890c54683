"""The keys of a project, for its admins, and the projects of the installation, for operators (decision 34)."""
