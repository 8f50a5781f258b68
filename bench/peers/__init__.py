"""Systems that can be measured, each behind the same small interface."""
