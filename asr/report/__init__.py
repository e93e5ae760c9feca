"""From data and two models' predictions to what people read: metrics, a comparison, tables, plots and pages."""
