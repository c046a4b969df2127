"""What covers the dashboard."""
