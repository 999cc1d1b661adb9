"""What follows from several facts: may this node take over, is it above all that was signed."""
