"""What the contracts of an object store can say, a module each."""
