"""The server of a guide whose programs need none."""

from livesteps.plugin import Account, Server


class Nothing(Server):
    """It stores nothing: a program has its working folder, and no more."""

    name = "nothing"
    title = "No server"

    def account(self, purpose):
        """What a run is in: here, nothing at all."""
        return Account()
