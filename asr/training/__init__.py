"""From frames and transcripts to a tuned model: takes a checkpoint and examples, gives the weights of the best epoch."""
