"""What livesteps knows of OpenStack: servers, accounts, contracts, troubles.

It is a plugin, named `openstack`; what it imports when it is loaded speaks no HTTP.
"""

plugins = ("contracts", "servers")
"""The packages in this one whose modules bring something."""
