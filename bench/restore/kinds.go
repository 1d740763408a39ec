package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/persistence/file"
	"github.com/modelstream/modelserver/persistence/postgres"
	"github.com/modelstream/modelserver/persistence/postgres/pgtest"
)

// kind is a kind of store that is measured.
type kind struct {
	name    string // on the command line
	title   string // in the table
	prepare func(ctx context.Context) (*place, error)
}

// place is where a store is: a directory, a server.
type place struct {
	open   func(ctx context.Context) (persistence.Store, error)
	remove func() error
}

func kinds() []kind {
	return []kind{
		{"file", "file", filePlace},
		{"postgres", "PostgreSQL", postgresPlace},
	}
}

func filePlace(context.Context) (*place, error) {
	dir, err := os.MkdirTemp("", "restore-")
	return &place{
		open: func(context.Context) (persistence.Store, error) {
			return file.Open(file.Config{Dir: filepath.Join(dir, "store")})
		},
		remove: func() error { return os.RemoveAll(dir) },
	}, err
}

func postgresPlace(ctx context.Context) (*place, error) {
	s, err := pgtest.Start(ctx, pgtest.Config{Durable: true})
	if err != nil {
		return nil, err
	}
	c := postgres.DefaultConfig()
	c.URL = s.URL()
	return &place{
		open: func(ctx context.Context) (persistence.Store, error) {
			return postgres.Open(ctx, c, postgres.Options{})
		},
		remove: func() error { s.Close(); return nil },
	}, nil
}
