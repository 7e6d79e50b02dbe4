"""What samples of an object store run against, a module each."""
