"""Frames in, frames out; no clock, no disk."""
