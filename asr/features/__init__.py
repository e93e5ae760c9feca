"""From a clip's file to its log-mel frames: takes clips, gives a folder of shards, and computes only those not yet known."""
