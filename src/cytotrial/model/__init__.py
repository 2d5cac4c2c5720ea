"""The biology: modules of text and tables, checked, composed, and turned into symbols. It knows neither patients nor time."""
