//go:build !amd64

package pmml

func wideKernels() bool { return false }

func products16(_, _, _ *float64, _, _ int) { panic("pmml: no wide kernels here") }
func squares16(_, _, _ *float64, _, _ int)  { panic("pmml: no wide kernels here") }
