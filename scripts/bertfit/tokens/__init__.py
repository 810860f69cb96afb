"""From texts to word pieces: vocabularies, token files, truncation, pre-training instances. Readers (``*_file``) stand
apart from builders."""
