"""The addresses of the API, one file for each question that they answer."""
