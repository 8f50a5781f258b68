"""What several tests share: the naive evaluator, fakes and generators."""
