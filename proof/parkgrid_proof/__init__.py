"""The proof of the promise: what gateways accepted, by their ledgers, against what the store holds."""
