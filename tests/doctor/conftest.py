"""A scaffolded user directory and ways to bend it."""

import json

import pytest

from freqai_ext.doctor import DoctorRequest
from freqai_ext.doctor.configuration import load_config
from freqai_ext.doctor.context import Context
from freqai_ext.doctor.diagnose import diagnose, silence
from freqai_ext.scaffold import init_userdir


class Setup:
    """A user directory with its configuration."""

    def __init__(self, userdir):
        self.userdir = userdir
        self.config_file = init_userdir(userdir).config

    def change(self, **changes):
        """Change keys of the configuration; ``a__b=1`` sets ``config["a"]["b"]``."""
        config = json.loads(self.config_file.read_text())
        for path, value in changes.items():
            *parents, key = path.split("__")
            section = config
            for parent in parents:
                section = section[parent]
            section[key] = value
        self.config_file.write_text(json.dumps(config))

    def remove(self, *path):
        """Remove a key of the configuration."""
        config = json.loads(self.config_file.read_text())
        section = config
        for parent in path[:-1]:
            section = section[parent]
        del section[path[-1]]
        self.config_file.write_text(json.dumps(config))

    def write(self, path, text):
        """Write a file into the user directory."""
        file = self.userdir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def request(self, **options):
        return DoctorRequest(configs=(self.config_file,), userdir=self.userdir, **options)

    def context(self, **options):
        """Return a context with the configuration loaded, as after the first checks."""
        context = Context(self.request(**options))
        with silence():
            config = load_config(context.request)
            config.setdefault("dataformat_ohlcv", "feather")
        context.loaded_config = config
        return context

    def run(self, check, **options):
        """Run one check on a loaded configuration."""
        return self.run_on(check, self.context(**options))

    def run_on(self, check, context):
        with silence():
            return list(check(context))

    def diagnose(self, **options):
        return diagnose(self.request(**options))


@pytest.fixture
def setup(tmp_path):
    return Setup(tmp_path / "user_data")
