"""What can go wrong with a file as a whole."""


class FileError(Exception):
    """A file that cannot be read as a table at all, in Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en
        super().__init__(en)
