"""The processor we run on and machine code for it: from text to object code to callable addresses. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass

import llvmlite
import llvmlite.binding as llvm

_LANES_BY_FEATURE = (("avx512f", 8), ("avx2", 4))
_LANES_OTHERWISE = 2
_PASSES_LEVEL = 2
_CODE_LEVEL = 1  # the level above takes twice as long on long straight-line code, which runs no faster


_MODE_OF_X86 = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
define internal i64 @flush_denormals() nounwind noinline {
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %old = load i32, ptr %place
  %new = or i32 %old, 32832
  store i32 %new, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  %kept = zext i32 %old to i64
  ret i64 %kept
}
define internal void @restore_denormals(i64 %kept) nounwind noinline {
  %place = alloca i32
  %old = trunc i64 %kept to i32
  store i32 %old, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  ret void
}
"""
_MODE_OF_ARM = """
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
define internal i64 @flush_denormals() nounwind noinline {
  %old = call i64 @llvm.aarch64.get.fpcr()
  %new = or i64 %old, 16777216
  call void @llvm.aarch64.set.fpcr(i64 %new)
  ret i64 %old
}
define internal void @restore_denormals(i64 %old) nounwind noinline {
  call void @llvm.aarch64.set.fpcr(i64 %old)
  ret void
}
"""
_NO_MODE = """
define internal i64 @flush_denormals() nounwind noinline {
  ret i64 0
}
define internal void @restore_denormals(i64 %old) nounwind noinline {
  ret void
}
"""


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
    """Object code of a module's text, which may call `flush_denormals` and `restore_denormals`."""
    target = _target(machine)
    return bytes(target.emit_object(_optimised(text, target)))


def assembly_of(text: str, machine: Machine) -> str:
    """The same code in words, to be looked at; the machine need not be this one."""
    target = _target(machine)
    return str(target.emit_assembly(_optimised(text, target)))


def _optimised(text: str, target: llvm.TargetMachine) -> llvm.ModuleRef:
    module = llvm.parse_assembly(text + _denormal_mode(target.triple))
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=_PASSES_LEVEL)
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return module


def _denormal_mode(triple: str) -> str:
    """How this kind of processor is told to take denormal numbers for zero, and to go back to what it did."""
    if triple.startswith("x86_64"):
        return _MODE_OF_X86
    return _MODE_OF_ARM if triple.startswith(("aarch64", "arm64")) else _NO_MODE


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
