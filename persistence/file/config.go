package file

import (
	"errors"
	"fmt"
	"time"
)

// Config says where a store is.
type Config struct {
	// Dir is the store's directory. It is made (mode 0700) if it is missing;
	// its parent must exist or be creatable.
	Dir string
	// LockTimeout is how long Open waits for another process to leave the
	// directory, as a predecessor that is still draining does. Default 5 s;
	// negative: do not wait.
	LockTimeout time.Duration

	noSync bool // for tests that need no disk
}

// WithDefaults returns the configuration with defaults where nothing is set.
func (c Config) WithDefaults() Config {
	if c.LockTimeout == 0 {
		c.LockTimeout = 5 * time.Second
	}
	return c
}

// Validate says what is wrong with the configuration, or nil.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("the store's directory is not set")
	}
	return nil
}

// LockedError says that another process has the directory open.
type LockedError struct {
	Dir    string
	Holder string // what its LOCK file says of the holder: "process 4711"; may be empty
}

func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another process"
	}
	return fmt.Sprintf("the store in %s is in use by %s: stop it, or give this server a directory of its own", e.Dir, holder)
}

// FormatError says that a newer server wrote the store.
type FormatError struct {
	Dir       string
	Got, Want string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("the store in %s has format %q and this server reads format %q: use a newer server, or another directory",
		e.Dir, e.Got, e.Want)
}
