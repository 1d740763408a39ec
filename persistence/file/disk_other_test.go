//go:build !linux

package file

// The tests of failing writes need Linux.
var diskChildren map[string]func(dir string) error
