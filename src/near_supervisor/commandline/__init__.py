"""The programs: near-supervisor, kuutamoctl, and what they print."""
