package jmath

import "golang.org/x/sys/cpu"

// Wide says whether the processor has AVX2.
func Wide() bool { return cpu.X86.HasAVX2 }

// exps replaces groups of four numbers by what Exp makes of them, operation by
// operation.
//
//go:noescape
func exps(x *float64, groups int, table *uint64, c *constants)
