"""Nipype nodes: load, call one function, save."""
