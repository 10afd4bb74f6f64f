"""Views: pure status in, rich renderables out."""
