"""Who may do what: the owner's policy, its record in the journal, and what nobody may see."""
