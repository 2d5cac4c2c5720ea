// Denormal numbers taken for zero, as the project's engine does: a dose long gone leaves them, and they are slow.
#pragma once
#include <cstdint>
#ifdef __SSE2__
#include <xmmintrin.h>
static int64_t flush_denormals() {
  const int64_t old = _mm_getcsr();
  _mm_setcsr((unsigned)old | 0x8040);
  return old;
}
static void restore_denormals(int64_t old) { _mm_setcsr((unsigned)old); }
#else
static int64_t flush_denormals() { return 0; }
static void restore_denormals(int64_t) {}
#endif

// For as long as it lives, in the thread that made it.
struct Flushing {
  const int64_t before = flush_denormals();
  ~Flushing() { restore_denormals(before); }
};
