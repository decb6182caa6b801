"""Fault rows with as many repetitions and whatever seed is asked for."""
