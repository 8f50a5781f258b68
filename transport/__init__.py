"""The native transport as an event loop sees it: calls taken and calls made, over ``ringward_native``."""
