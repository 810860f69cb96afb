"""Tables and figures: a module for each kind, and common rendering of tables and style of figures."""
