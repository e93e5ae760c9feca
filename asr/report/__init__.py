"""From two models' predictions to what people read: metrics, a comparison, a table, plots and a page."""
