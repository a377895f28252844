"""The stages: pure steps over the log, one file each."""
