"""What people read, as files for other programs: Parquet and CSV."""
