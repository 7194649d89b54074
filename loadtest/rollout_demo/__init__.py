"""The demo of the rollout: the production plan with seconds for days, a regression, and an operator who resumes."""
