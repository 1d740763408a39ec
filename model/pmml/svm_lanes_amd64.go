package pmml

import "golang.org/x/sys/cpu"

// wideKernels says whether the processor has AVX.
func wideKernels() bool { return cpu.X86.HasAVX }

// products16 and squares16 are laneMatrix.products and squares for groups of
// vectors of n fields, four numbers an instruction and without fused
// operations: the results are those of the plain loops.
//
//go:noescape
func products16(matrix, x, out *float64, n, groups int)

//go:noescape
func squares16(matrix, x, out *float64, n, groups int)
