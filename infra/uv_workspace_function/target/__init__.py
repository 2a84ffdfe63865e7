"""What an image is built for: platform, wheels and image references."""
