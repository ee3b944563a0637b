"""From the models to what others read: custom resource definitions and the API reference."""
