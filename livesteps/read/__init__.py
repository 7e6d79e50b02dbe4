"""What is read of a guide: files, without a server and without HTTP."""
