"""Many recipes trained and measured: the plan, the runs, their results and pages."""
