"""A cloud that is not ours, by its name in clouds.yaml."""
