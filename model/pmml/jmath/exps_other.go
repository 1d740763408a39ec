//go:build !amd64

package jmath

// Wide says that there is no wide code for this processor.
func Wide() bool { return false }

func exps(*float64, int, *uint64, *constants) { panic("jmath: no wide code here") }
