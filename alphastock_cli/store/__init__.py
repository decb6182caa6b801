"""What rests on disk: Parquet datasets."""
