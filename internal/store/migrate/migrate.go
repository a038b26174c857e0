// Package migrate brings a store's schema to its newest form, with goose. Only the command line
// uses it. A function that migrated at its cold start would do so in many instances at once, and
// with database rights that it should not have.
package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrations"
)

// Step is one step of the schema's history.
type Step struct {
	// Version is the number at the beginning of its file's name.
	Version int64
	// Name is the name of its file.
	Name string
	// AppliedAt is zero if the step was not applied.
	AppliedAt time.Time
	// Took is how long Up took to apply the step; zero from Status.
	Took time.Duration
}

// table is where goose records the applied steps.
const table = "cloudpay_migrations"

// Up applies the missing steps to the database at an address and returns them. Two calls at once
// wait for each other. If a step fails, the steps before it stay applied. PostgreSQL and SQLite
// roll the failed step back; MySQL and MariaDB cannot roll back the creation of a table.
func Up(ctx context.Context, address string) ([]Step, error) {
	return UpTo(ctx, address, math.MaxInt64)
}

// UpTo is Up for the steps up to a version, which is what a database is at while the next step runs
// or has failed.
func UpTo(ctx context.Context, address string, version int64) ([]Step, error) {
	var steps []Step
	err := with(ctx, address, func(p *goose.Provider) error {
		results, err := p.UpTo(ctx, version)
		for _, r := range results {
			steps = append(steps, Step{Version: r.Source.Version, Name: r.Source.Path, AppliedAt: time.Now(), Took: r.Duration})
		}
		return err
	})
	return steps, err
}

// Status returns all steps in order, applied or not.
func Status(ctx context.Context, address string) ([]Step, error) {
	var steps []Step
	err := with(ctx, address, func(p *goose.Provider) error {
		all, err := p.Status(ctx)
		for _, s := range all {
			steps = append(steps, Step{Version: s.Source.Version, Name: s.Source.Path, AppliedAt: s.AppliedAt})
		}
		return err
	})
	return steps, err
}

// errPooled refuses to migrate through a pooler: the lock that keeps two migrations apart would be
// taken in one session and released in another, and would stay in the pool for ever.
var errPooled = bilingual.Errorf("a connection pooler (such as PgBouncer or RDS Proxy) is on the way, and migrating needs a session "+
	"of its own: name the database's own host and port with --store",
	"途中有连接池（如 PgBouncer、RDS Proxy），而升级需要独占会话：请用 --store 指定数据库自身的地址")

// with runs work with goose's provider for the database at an address, on connections of its own
// that are closed afterwards.
func with(ctx context.Context, address string, work func(*goose.Provider) error) error {
	connector, database, err := store.Connector(address)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	steps, err := migrations.For(database)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	// This is also the first query: a database that is out of reach fails here.
	if pooled, err := store.IsPooled(ctx, db, database); err != nil {
		return fmt.Errorf("migrating the %s store: %w", database, err)
	} else if pooled {
		return fmt.Errorf("migrating the %s store: %w", database, errPooled)
	}
	options, err := options(database)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	provider, err := goose.NewProvider(dialects[database], db, steps, options...)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if err := work(provider); err != nil {
		return fmt.Errorf("migrating the %s store: %w", database, err)
	}
	return nil
}

// dialects are goose's names for the store's databases.
var dialects = map[string]goose.Dialect{
	"mysql": goose.DialectMySQL, "postgres": goose.DialectPostgres, "sqlite": goose.DialectSQLite3,
}

// options sets the table's name and the lock. PostgreSQL's lock belongs to the session and ends
// with it; MySQL's is a row of a second table. SQLite needs none: it locks its file itself.
func options(database string) ([]goose.ProviderOption, error) {
	options := []goose.ProviderOption{goose.WithTableName(table), goose.WithDisableGlobalRegistry(true)}
	switch database {
	case "postgres":
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("making a lock: %w", err)
		}
		return append(options, goose.WithSessionLocker(locker)), nil
	case "mysql":
		locker, err := lock.NewMySQLTableLocker(lock.WithTableName(table + "_lock"))
		if err != nil {
			return nil, fmt.Errorf("making a lock: %w", err)
		}
		return append(options, goose.WithLocker(locker)), nil
	}
	return options, nil
}
