"""What goes wrong with images."""


class ImageError(Exception):
    """An image could not be built or pushed; the message names the part, the cause and the remedy."""
