"""The processor we run on and machine code for it: from text to object code to callable addresses. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass

import llvmlite
import llvmlite.binding as llvm

_LANES_BY_FEATURE = (("avx512f", 8), ("avx2", 4))
_LANES_OTHERWISE = 2
_PASSES_LEVEL = 2
_CODE_LEVEL = 1  # the level above takes twice as long on long straight-line code, which runs no faster


@dataclass(frozen=True)
class Machine:
    """A processor to compile for: LLVM's name of it, its features, and how many doubles it works on at once."""

    processor: str
    features: str
    lanes: int


def host_machine() -> Machine:
    """The processor of this computer."""
    features = llvm.get_host_cpu_features()
    lanes = next((lanes for name, lanes in _LANES_BY_FEATURE if features.get(name)), _LANES_OTHERWISE)
    return Machine(llvm.get_host_cpu_name(), features.flatten(), lanes)


def compiler_version() -> str:
    """What decides the machine code besides our own source."""
    return f"llvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, llvm.llvm_version_info))}"


def compile_text(text: str, machine: Machine) -> bytes:
    """Object code of a module's text."""
    target = _target(machine)
    module = llvm.parse_assembly(text)
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=_PASSES_LEVEL)
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(target.emit_object(module))


class LoadedCode:
    """Object code in memory, ready to be called; it lives as long as this object."""

    def __init__(self, code: bytes, machine: Machine) -> None:
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target(machine))
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """The address of a function."""
        return int(self._engine.get_function_address(name))


def _target(machine: Machine) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=machine.processor, features=machine.features, opt=_CODE_LEVEL, reloc="default", codemodel="jitdefault"
    )
