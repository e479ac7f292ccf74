// Products of packed weights with activations, attention, norms and whole layers: one algorithm, and a header with its
// operations for each instruction set.
//
// Compiled by kernel_build.py at first use, as one unit; kernels.py says how it is called. All matrices are row by row
// unless said otherwise; activations and results are bfloat16, sums float32. Linked without OpenMP of its own: the process
// has torch's, and shares its threads.
//
// 4 bits: rows of the weight come in blocks of 64. `packed` is [rows/64][columns][32]: the low half of byte j of a
// column belongs to row j of the block, the high half to row j + 32. `scales` is [rows/64][columns/group][64][2]:
// scale (uint8) and zero (int8), and `units` float32 [rows], so that a weight is (q - 8 + zero / 16) * scale * unit.
#include "base.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include "avx512.h"
#if defined(__AMX_BF16__) && defined(__AMX_INT8__) && defined(__AVX512BF16__) && defined(__linux__) && !defined(NO_TILES)
#define TILES
#endif
#elif defined(__AVX2__) && defined(__FMA__)
#include "avx2.h"
#elif defined(__ARM_FEATURE_DOTPROD)
#include "neon.h"
#else
#error "the processor has neither AVX2 nor NEON with dot products"
#endif

const char *instruction_set(void) { return INSTRUCTION_SET; }

#include "activations.c"
#include "few.c"
#include "many.c"
#ifdef TILES
#include "tiles.c"
#endif
#include "products.c"
#ifdef TILES
#include "float_tiles.c"
#endif
#include "eight.c"
#include "best.c"
#include "attention.c"
#include "norms.c"
#include "delta.c"
#include "layer.c"
#include "memory.c"
