"""Networks, loss terms and named models; torch only."""
