"""What tests and benches share: small inputs, reference implementations, servers, processes that are killed."""
