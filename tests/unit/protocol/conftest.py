import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("stand_in", Path(__file__).with_name("stand_in.py"))
_stand_in = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_stand_in)


@pytest.fixture
def library():
    return _stand_in.small_library()
