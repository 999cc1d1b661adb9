"""What the profiles ``harsh`` and ``long`` have on top: models that the older ones are kinder about, and faults.

A seed of an older profile goes on telling the story it always told, so none of this is in their way.
"""
