"""Devices read at their own pace: endpoints, reading plans, refusals."""
