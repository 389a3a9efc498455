"""``netral serve``: an exported checkpoint behind HTTP."""
