"""A snapshot becomes a model: folder, arrays, or an object of the library that it was made for."""
