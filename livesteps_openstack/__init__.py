"""What livesteps knows of OpenStack: servers, accounts, contracts, troubles.

It is a plugin, named `openstack`; what it imports when it is loaded speaks no HTTP.
"""

plugins = ("changes", "contracts", "servers", "vocabulary")
"""The modules that bring something, and the packages of such modules."""
