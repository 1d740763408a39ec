package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/modelstream/modelserver/kafka"
	"github.com/modelstream/modelserver/kafka/changelog"
	"github.com/modelstream/modelserver/kafka/kafkatest"
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
		{"kafka", "Kafka changelog", kafkaPlace},
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

// kafkaPlace is a broker as in production. Its log is as it was written: the
// cleaner has not been there, which is the worst case.
func kafkaPlace(ctx context.Context) (*place, error) {
	b, err := kafkatest.Start(ctx, kafkatest.Config{Throughput: true})
	if err != nil {
		return nil, err
	}
	k := kafka.DefaultConfig()
	k.Brokers = b.Seeds(kafkatest.Plaintext)
	return &place{
		open: func(ctx context.Context) (persistence.Store, error) {
			log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
			s, err := changelog.New(changelog.Options{Config: changelog.DefaultConfig(), Kafka: &k, Log: log})
			if err != nil {
				return nil, err
			}
			if err := s.Restore(ctx); err != nil {
				return nil, errors.Join(err, s.Close())
			}
			return s, nil
		},
		remove: func() error { b.Close(); return nil },
	}, nil
}
