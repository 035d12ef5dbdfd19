"""FreqAI models, one file each, named as the class.

Use one by name after ``freqai-ext init`` has written its thin class into a user directory, or point Freqtrade at
this folder with ``--freqaimodel-path``. The modules are imported on demand: nothing is loaded here.
"""
