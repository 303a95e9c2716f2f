"""Subscriptions to events, and what is kept of them."""
