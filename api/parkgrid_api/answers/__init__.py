"""The shapes of the answers, by subject, for the OpenAPI document: no answer passes through a model on its way out."""
