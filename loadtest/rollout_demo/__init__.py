"""The rollout's demo: the production plan with seconds for days, an illness on the way, and a person who looks."""
