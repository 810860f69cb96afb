"""Tables and figures, a module a kind; one renderer of tables, one style of figures."""
