"""The planner: candidate plans, scored by P(Y|X), the best one run, then planned anew."""
