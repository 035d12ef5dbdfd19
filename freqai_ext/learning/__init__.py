"""Learning from features: designs, learners and what they have learnt."""
